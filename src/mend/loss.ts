import { crc32 } from 'node:zlib';
import type { StreamTotals } from '../tail/stream.ts';
import type { TailState } from '../tail/tail_state.ts';
import { addZeros, shiftCrc32 } from '../wire/crc32.ts';

/** The parts of a row in the spool that matter here. */
export interface SpooledRow {
  record: string;
  sandbox: string;
  log: string;
  started: string;
  position: number;
  /** The bytes of a line as they are stored; the JSON of any other row. */
  bytes: Buffer;
}

/** The lost rows of one stream, found from the stream's states and rows before and after the damage. */
export interface Loss {
  sandbox: string;
  log: string;
  started: string;
  from: number;
  /** Null if the stream ended within the damage, nobody knows where. */
  to: number | null;
  /** State of the log before; null if the log began within the damage, or the spool has forgotten it. */
  before: TailState | null;
  /** The lost bytes, if they can be read again. */
  bytes: Buffer | null;
  /** Rows that these bytes became. A line that came in pieces has one now. */
  lines: number;
  /** The agent's totals before the damage, and the first ones that are known after it. */
  base: StreamTotals;
  at: StreamTotals | null;
  /** Rows of the stream between `to` and the totals `at`. */
  rows: SpooledRow[];
  /** Gap rows of unknown length are among the lost rows. */
  hasLostGap: boolean;
  /** The seal is among them, too; its reason. */
  lostSeal: string | null;
  /** Totals of a later seal, which count the lost rows. */
  laterSeal: StreamTotals | null;
}

const NOTHING: StreamTotals = { bytes: 0, lines: 0, crc32: 0, gaps: 0 };
const totalsOf = ({ stream }: TailState): StreamTotals => ({
  ...{ bytes: stream.position, lines: stream.lines, crc32: stream.crc32, gaps: stream.gaps },
});

/**
 * The losses of one log.
 * @param before its state before the damage
 * @param after its state in the first undamaged entry that mentions it
 * @param rows the log's rows in that entry
 */
export function lossesOf(
  name: { sandbox: string; log: string },
  before: TailState | null,
  after: TailState | null,
  rows: SpooledRow[],
): Loss[] {
  const started = rows[0]?.started ?? after?.stream.started ?? null;
  const isSame = started !== null && before?.stream.started === started;
  const losses: Loss[] = [];
  const loss = (of: string, from: number, to: number | null, base: StreamTotals): Loss => ({
    ...{ ...name, started: of, from, to, before, base, bytes: null, lines: 0, at: null, rows: [] },
    ...{ hasLostGap: false, lostSeal: null, laterSeal: null },
  });
  if (before !== null && before.sealed === null && !isSame) {
    // Another stream follows, or none: the end and the seal of this one are lost.
    const ended = loss(before.stream.started, before.stream.position, null, totalsOf(before));
    ended.lostSeal = started === null ? 'deleted' : 'recreated';
    losses.push(ended);
  }
  if (started === null) return losses;
  const from = isSame ? before.stream.position : 0;
  const to = rows[0]?.position ?? after!.stream.position;
  const one = loss(started, from, to, isSame ? totalsOf(before) : NOTHING);
  one.rows = rows.filter((row) => row.started === started);
  const seal = sealIn(one.rows, started);
  const isAfter = after?.stream.started === started;
  one.at = seal ?? (isAfter ? totalsOf(after) : null);
  one.laterSeal = seal;
  const gaps = one.rows.filter((row) => row.record === 'gap').length;
  one.hasLostGap = one.at !== null && one.at.gaps - gaps > one.base.gaps;
  if (isAfter && after.sealed !== null && seal === null && !(isSame && before.sealed !== null))
    one.lostSeal = after.sealed;
  if (to > from || one.hasLostGap || one.lostSeal !== null) losses.push(one);
  return losses;
}

/** The totals of a stream's seal row, if it is among `rows`. */
export function sealIn(rows: SpooledRow[], started: string): StreamTotals | null {
  const row = rows.find((one) => one.record === 'seal' && one.started === started);
  return row === undefined ? null : (JSON.parse(row.bytes.toString()) as StreamTotals);
}

/**
 * Whether `bytes` are the lost ones: with the rows after them they give the CRC-32 that the agent counted.
 */
export function areLost(bytes: Buffer, { base, at, rows }: Loss): boolean {
  return at !== null && rows.reduce(withRow, crc32(bytes, base.crc32)) === at.crc32;
}

/** The CRC-32 of a stream after one more row. */
function withRow(sum: number, { record, bytes }: SpooledRow): number {
  if (record === 'nuls') return addZeros(sum, (JSON.parse(bytes.toString()) as { bytes: number }).bytes);
  return record === 'line' ? crc32(bytes, sum) : sum;
}

const linesOf = (rows: SpooledRow[]): SpooledRow[] => rows.filter((row) => row.record === 'line');

/** The lines that the agent counted in a loss. */
const countedOf = ({ base, at, rows }: Loss): number =>
  at === null ? 0 : at.lines - base.lines - linesOf(rows).length;

/** Whether other rows hold the bytes that were read again. */
export const isRecounted = (loss: Loss): boolean =>
  loss.bytes !== null && loss.at !== null && loss.lines !== countedOf(loss);

/**
 * The agent's totals without the lines of a loss that a gap row stands in for, or with those that were read
 * again.
 */
export function corrected(totals: StreamTotals, loss: Loss): StreamTotals {
  const { base, at, rows } = loss;
  if (at === null) return totals;
  if (loss.bytes !== null) return { ...totals, lines: totals.lines - countedOf(loss) + loss.lines };
  const gaps = base.gaps + 1 + rows.filter((row) => row.record === 'gap').length;
  const crc = rows.reduce(withRow, base.crc32);
  return {
    bytes: totals.bytes,
    lines: totals.lines - countedOf(loss),
    crc32: (totals.crc32 ^ shiftCrc32(at.crc32 ^ crc, totals.bytes - at.bytes)) >>> 0,
    gaps: totals.gaps + gaps - at.gaps,
  };
}
