import type { LogPlace } from '../../store/read/read_log.ts';

const RECORDS = ['gap', 'line', 'nuls', 'seal'];

/** The id of an event, and a cursor: `<stream ns>-<position>`, with `-<record>` for other rows than lines. */
export const placeId = ({ stream, position, record }: LogPlace): string =>
  record === 'line' ? `${stream}-${position}` : `${stream}-${position}-${record}`;

/** The place after the row with this id; null for any other text. */
export function parsePlaceId(text: string): LogPlace | null {
  const [, stream, position, record = 'line'] = /^(\d{1,19})-(\d{1,20})(?:-([a-z]+))?$/.exec(text) ?? [];
  const known =
    stream !== undefined &&
    position !== undefined &&
    RECORDS.includes(record) &&
    // The columns are an Int64 with ns since 1970, and a UInt64.
    BigInt(stream) < 2n ** 63n &&
    BigInt(position) < 2n ** 64n;
  return known ? { stream, position, record } : null;
}
