import { limits } from '../../base/limits.ts';
import { type Store, selectRows } from '../query.ts';
import { parseNuls } from '../record.ts';
import type { LineFilter } from './line_filter.ts';
import {
  afterPlace,
  KEY,
  type LogId,
  type LogPlace,
  type LogRow,
  logCondition,
  logParams,
  PLACE,
  readBytes,
} from './read_log.ts';

/**
 * The bytes of a log, as `readBytes` gives those of its lines, with the NULs that have rows of their own. A
 * filter by source or severity wants no NULs.
 */
export async function* readRaw(
  store: Store,
  id: LogId,
  after: LogPlace | null,
  until: LogPlace,
  filter: LineFilter,
): AsyncGenerator<Buffer> {
  const { sources, severity } = filter;
  const hasNuls = sources === undefined && severity === undefined;
  for (let from = after; ; ) {
    const nuls = hasNuls ? await nextNuls(store, id, from, filter) : null;
    yield* readBytes(store, id, from, nuls ?? until, filter);
    if (nuls === null) return;
    yield* zeros(parseNuls(nuls.message).bytes);
    from = nuls;
  }
}

async function nextNuls(
  store: Store,
  id: LogId,
  after: LogPlace | null,
  filter: LineFilter,
): Promise<(LogPlace & { message: string }) | null> {
  const [row] = await selectRows<LogPlace & { message: string }>(
    store,
    `SELECT ${PLACE}, message FROM ${store.database}.console_logs
     WHERE ${logCondition(id, filter)} AND record = 'nuls' AND ${afterPlace(after)} ORDER BY ${KEY} LIMIT 1`,
    logParams(id, filter, after),
  );
  return row ?? null;
}

/** The bytes of rows that were read with `raw`. */
export function* rawOf(rows: LogRow[]): Generator<Buffer> {
  for (const { record, raw, message } of rows) {
    if (record === 'line') yield Buffer.from(raw!, 'base64');
    else if (record === 'nuls') yield* zeros(parseNuls(message).bytes);
  }
}

/** As `cat` writes a hole: in pieces, however long it is. */
function* zeros(bytes: number): Generator<Buffer> {
  const piece = Buffer.alloc(Math.min(bytes, limits.read.bytes_max));
  for (let left = bytes; left > 0; left -= piece.length) yield piece.subarray(0, left);
}
