import type { Store } from '../query.ts';
import type { FollowStep } from './follow_log.ts';
import { isWanted, type LineFilter } from './line_filter.ts';
import {
  goesOn,
  isBeyond,
  type LastRow,
  type LogId,
  type LogPlace,
  type LogRow,
  readAround,
  readRows,
} from './read_log.ts';
import { follows, LineJoiner, type WholeLine } from './whole_lines.ts';

/** Rows that are read at a time to join a line. */
const ROWS = 8;

/** Whether a row holds the text; else its line does at most, together with the pieces behind it. */
export const holds = (row: LogRow, text: string): boolean => (row.prefix + row.message).includes(text);

/** The rows behind a piece that continue its line, at most as many as `bytes` of them need. */
async function restOf(store: Store, id: LogId, piece: LogRow, bytes: number): Promise<LogRow[]> {
  const rest: LogRow[] = [];
  for (let before = piece, read = 0; goesOn(before) && read < bytes; ) {
    const { after } = await readAround(store, id, before, ROWS);
    for (const row of after) {
      if (!goesOn(before) || !follows(before, row)) return rest;
      rest.push(row);
      read += row.bytes;
      before = row;
    }
    if (after.length < ROWS) break;
  }
  return rest;
}

const joinedOf = (rows: LogRow[]): WholeLine => {
  const joiner = new LineJoiner();
  const [line] = [...joiner.take(rows), ...joiner.flush()];
  return line!;
};

/**
 * A text that begins in a piece of a line, and perhaps goes on behind it.
 * @returns the piece joined with those behind it that hold the rest of the text; null if they do not
 */
export async function findAcross(
  store: Store,
  id: LogId,
  piece: LogRow,
  text: string,
): Promise<WholeLine | null> {
  if (!goesOn(piece)) return null;
  const line = joinedOf([piece, ...(await restOf(store, id, piece, Buffer.byteLength(text)))]);
  return holds(line, text) ? line : null;
}

/**
 * The first line behind a place that contains a text: among those that are stored up to the row `last`, then
 * among those that `follow` gives from there on. The text may be in several pieces of the line.
 */
export async function waitForText(
  store: Store,
  id: LogId,
  { text, filter, after }: { text: string; filter: LineFilter; after: LogPlace | null },
  last: LastRow | null,
  follow: (after: LogPlace | null) => AsyncIterable<FollowStep>,
): Promise<WholeLine | 'ended' | null> {
  const isNew = last !== null && (after === null || isBeyond(last, after));
  const stored = isNew ? await findStored(store, id, text, filter, after) : null;
  if (stored !== null) return stored;
  const from = isNew ? last : after;
  let line = from === null ? [] : await openLine(store, id, from);
  for await (const { rows, end } of follow(from)) {
    for (const row of rows) {
      const before = line.at(-1);
      const isRest = before !== undefined && goesOn(before) && follows(before, row);
      // Only the end of what came before may begin the text.
      line = isRest ? [...shortened(line, text), row] : [row];
      const isLine = row.record === 'line' && line.some((one) => isWanted(filter, one));
      if (isLine && holds(joinedOf(line), text)) return joinedOf(line);
    }
    if (end !== null) return 'ended';
  }
  return null;
}

async function findStored(
  store: Store,
  id: LogId,
  text: string,
  filter: LineFilter,
  after: LogPlace | null,
): Promise<WholeLine | null> {
  for (let at = after; ; ) {
    const rows = await readRows(store, id, at, { ...filter, text, spans: true });
    for (const row of rows) {
      if (row.record !== 'line') continue;
      if (holds(row, text)) return joinedOf([row]);
      const line = await findAcross(store, id, row, text);
      if (line !== null) return line;
    }
    if (rows.length === 0) return null;
    at = rows.at(-1)!;
  }
}

/** The rows of the line that has no end at a place. */
async function openLine(store: Store, id: LogId, { stream, position }: LogPlace): Promise<LogRow[]> {
  const behind = { stream, position: String(BigInt(position) + 1n), record: '' };
  const { before } = await readAround(store, id, behind, ROWS);
  const from = before.findLastIndex(
    (row, index) => index === 0 || !goesOn(before[index - 1]!) || !follows(before[index - 1]!, row),
  );
  return from >= 0 && goesOn(before.at(-1)!) ? before.slice(from) : [];
}

/** The rows at the end of a line that may hold the beginning of the text. */
function shortened(line: LogRow[], text: string): LogRow[] {
  let bytes = 0;
  const from = line.findLastIndex((row) => {
    bytes += row.bytes;
    return bytes >= Buffer.byteLength(text);
  });
  return from > 0 ? line.slice(from) : line;
}
