import { crc32 } from 'node:zlib';
import type { StreamTotals } from '../tail/stream.ts';
import type { TailState } from '../tail/tail_state.ts';
import { shiftCrc32 } from '../wire/crc32.ts';

/** A row of a batch that is whole, as far as it matters here. */
export interface SpooledRow {
  record: string;
  sandbox: string;
  log: string;
  started: string;
  position: number;
  /** Of a line, its bytes in the file; of a mark, its JSON. */
  bytes: Buffer;
}

/** Rows of one stream that damaged entries held, from what is known of it before and after them. */
export interface Loss {
  sandbox: string;
  log: string;
  started: string;
  from: number;
  /** Null: the stream ended in the damage, nobody knows where. */
  to: number | null;
  /** State of the log before; null: it began in the damage, or the spool has forgotten it. */
  before: TailState | null;
  /** The bytes, where they can be read again. */
  bytes: Buffer | null;
  /** What the agent had counted before, and what it had at the first place after which that is known. */
  base: StreamTotals;
  at: StreamTotals | null;
  /** Rows of the stream from `to` to there. */
  rows: SpooledRow[];
  /** Gap rows of unknown length were among what is lost. */
  hasLostGap: boolean;
  /** Its seal was too, with this reason. */
  lostSeal: string | null;
  /** The seal that came later, with totals that count what is lost. */
  laterSeal: StreamTotals | null;
}

const NOTHING: StreamTotals = { bytes: 0, lines: 0, crc32: 0, gaps: 0 };
const totalsOf = ({ stream }: TailState): StreamTotals => ({
  ...{ bytes: stream.position, lines: stream.lines, crc32: stream.crc32, gaps: stream.gaps },
});

/**
 * What is lost of one log.
 * @param before its state before the damage
 * @param after its state after the first whole entry that tells of it
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
    ...{ ...name, started: of, from, to, before, base, bytes: null, at: null, rows: [] },
    ...{ hasLostGap: false, lostSeal: null, laterSeal: null },
  });
  if (before !== null && before.sealed === null && !isSame) {
    // Another stream follows, or none: this one's end and seal were in the damage.
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

/** Whether `bytes` are those that are lost: with the rows after them they have the CRC-32 that was counted. */
export function areLost(bytes: Buffer, { base, at, rows }: Loss): boolean {
  return (
    at !== null &&
    linesOf(rows).reduce((sum, row) => crc32(row.bytes, sum), crc32(bytes, base.crc32)) === at.crc32
  );
}

const linesOf = (rows: SpooledRow[]): SpooledRow[] => rows.filter((row) => row.record === 'line');

/** Totals that the agent counted, made true: without the lines of a loss that a gap row stands for. */
export function corrected(totals: StreamTotals, { base, at, rows }: Loss): StreamTotals {
  if (at === null) return totals;
  const lines = linesOf(rows);
  const gaps = base.gaps + 1 + rows.filter((row) => row.record === 'gap').length;
  const crc = lines.reduce((sum, row) => crc32(row.bytes, sum), base.crc32);
  return {
    bytes: totals.bytes,
    lines: totals.lines - (at.lines - base.lines - lines.length),
    crc32: (totals.crc32 ^ shiftCrc32(at.crc32 ^ crc, totals.bytes - at.bytes)) >>> 0,
    gaps: totals.gaps + gaps - at.gaps,
  };
}
