/** Bytes that no row holds, from the row's position on; `bytes` is null if their number is not known. */
export interface Gap {
  bytes: number | null;
  reason: string;
}

/** NULs of the log that are too many to be a part of a line: one row stands for them. */
export interface Nuls {
  bytes: number;
}

/** The end of a stream: its sums, and why it ended. */
export interface Seal {
  bytes: number;
  lines: number;
  crc32: number;
  gaps: number;
  complete: boolean;
  reason: string;
}

/** The message of a `gap` row. Never throws: any program may have written the row. */
export function parseGap(message: string): Gap {
  const { bytes, reason } = fieldsOf(message);
  return { bytes: typeof bytes === 'number' ? bytes : null, reason: String(reason ?? 'unknown') };
}

/** The message of a `nuls` row. Never throws. */
export const parseNuls = (message: string): Nuls => ({ bytes: parseGap(message).bytes ?? 0 });

/** SQL: how many bytes of the log a row stands for; positions go on behind them. */
export const ROW_BYTES = `multiIf(record = 'line', length(prefix) + length(message) + length(ending),
  record IN ('gap', 'nuls'), JSONExtractUInt(message, 'bytes'), 0)`;

/** The message of a `seal` row. Never throws. */
export function parseSeal(message: string): Seal {
  const { bytes, lines, crc32, gaps, complete, reason } = fieldsOf(message);
  return {
    bytes: Number(bytes ?? 0),
    lines: Number(lines ?? 0),
    crc32: Number(crc32 ?? 0),
    gaps: Number(gaps ?? 0),
    complete: complete === true,
    reason: String(reason ?? 'unknown'),
  };
}

/** Whether a gap row stands in the place of a refused batch, whose rows may have been of any kind. */
export const isSetAside = (reason: string): boolean => /^batch \S+ was refused .*set aside/.test(reason);

/** The beginning of the reason of an erase's gap row; the time of the erase follows. */
export const ERASED = 'erased on request';

/** SQL: a row that an erase inserted; see store/care/erase.ts for its kinds. */
export const IS_ERASURE = `(record = 'erased' OR (record = 'gap'
  AND startsWith(JSONExtractString(message, 'reason'), '${ERASED}')))`;

/** The end of the reason of a row `erased`, which is in no stream: it names the sandbox. */
export const ofSandbox = (sandbox_id: string): string => `, of sandbox ${sandbox_id}`;

export const isErased = (reason: string): boolean => reason.startsWith(ERASED);

export const gapText = (gap: Gap): string =>
  `── gap: ${gap.bytes === null ? 'unknown length' : countText(gap.bytes, 'byte')}: ${gap.reason} ──`;

export const nulsText = ({ bytes }: Nuls): string => `── ${bytes} NUL bytes ──`;

export const sealText = (seal: Seal): string => {
  const gaps = seal.gaps > 0 ? `, ${countText(seal.gaps, 'gap')}` : '';
  const state = seal.complete ? 'complete' : 'incomplete';
  return `── end: ${seal.reason}, ${state}: ${countText(seal.bytes, 'byte')}, ${countText(seal.lines, 'line')}${gaps} ──`;
};

/** `1 row`, `2 rows`. */
export const countText = (count: number, unit: string): string => `${count} ${unit}${count === 1 ? '' : 's'}`;

function fieldsOf(message: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(message);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}
