/** Bytes that no row holds, from the row's position on; `bytes` null when nobody knows how many. */
export interface Gap {
  bytes: number | null;
  reason: string;
}

/** A stream's last word: what it had, and why it ended. */
export interface Seal {
  bytes: number;
  lines: number;
  crc32: number;
  gaps: number;
  complete: boolean;
  reason: string;
}

/** The message of a `gap` row. Never throws: a row must be readable whatever wrote it. */
export function parseGap(message: string): Gap {
  const { bytes, reason } = fieldsOf(message);
  return { bytes: typeof bytes === 'number' ? bytes : null, reason: String(reason ?? 'unknown') };
}

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

/** Whether a gap row stands in the place of a batch that was refused: its rows may have held anything. */
export const isSetAside = (reason: string): boolean => /^batch \S+ was refused .*set aside/.test(reason);

/** How the reason of a gap row begins that stands for what was erased; when that was follows. */
export const ERASED = 'erased on request';

/** SQL: a row that an erase left; store/care/erase.ts says of which kinds. */
export const IS_ERASURE = `(record = 'erased' OR (record = 'gap'
  AND startsWith(JSONExtractString(message, 'reason'), '${ERASED}')))`;

/** How a row `erased`, which is in no stream, says of whom. */
export const ofSandbox = (sandbox_id: string): string => `, of sandbox ${sandbox_id}`;

export const isErased = (reason: string): boolean => reason.startsWith(ERASED);

export const gapText = (gap: Gap): string =>
  `── gap: ${gap.bytes === null ? 'unknown length' : countText(gap.bytes, 'byte')}: ${gap.reason} ──`;

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
