import { limits } from '../../base/limits.ts';
import { addZeros, combineCrc32 } from '../../wire/crc32.ts';
import { isErased, isSetAside, parseGap, parseNuls, parseSeal, type Seal } from '../record.ts';
import type { CheckedRow } from './verify_rows.ts';

/** Positions [from, to) of a stream. */
export interface ByteRange {
  from: number;
  to: number;
}

/** Missing bytes that a row explains; `to` is null if their number is not known. */
export interface Explained {
  from: number;
  to: number | null;
  reason: string;
}

/**
 * `open`: no seal yet. `incomplete`: something is missing, and a row explains it. `erased`: the stream, or a
 * part of it, was erased on request; other explained gaps may be missing too.
 */
export type Verdict = 'complete' | 'open' | 'incomplete' | 'erased' | 'wrong';

export interface Checked {
  verdict: Verdict;
  /** Sums of the rows that are here. */
  bytes: number;
  lines: number;
  crc32: number;
  seal: Seal | null;
  /** Missing bytes without an explanation, at most `limits.verify.ranges`; `missing_bytes` counts all. */
  missing: ByteRange[];
  missing_bytes: number;
  gaps: Explained[];
  /** Everything else that is wrong, one sentence each. */
  problems: string[];
  /** Repeated rows with the same content; ClickHouse merges them later. */
  repeated_rows: number;
}

/** A gap row of known length; the part of it that no line covers is missing. */
interface KnownGap extends ByteRange {
  reason: string;
  /** Whether it stands for rows that were here, or on their way here. */
  isStandIn: boolean;
  isErased: boolean;
}

/**
 * Checks one stream from its rows, in order of their key: the only holes between them must be those that gap
 * rows explain, and their sums must be those of the seal.
 */
export class StreamCheck {
  /** Holes that no gap row of the stream explains. */
  readonly holes: ByteRange[] = [];
  private holeBytes = 0;
  private readonly gaps: Explained[] = [];
  private readonly problems: string[] = [];
  /** Gap rows that end behind `at`. */
  private pending: KnownGap[] = [];
  private gapRows = 0;
  private hasOpenGap = false;
  /**
   * A gap row replaced some rows, or a row outside explained them: lines and CRC cannot be those of the seal.
   */
  private isReplaced = false;
  private hasStandIn = false;
  private hasErased = false;
  /** Every position below is in a row, or noted as missing. */
  private at = 0;
  private bytes = 0;
  private lines = 0;
  private crc32 = 0;
  private seal: Seal | null = null;
  private sealedAt = 0;
  private last: CheckedRow | null = null;
  private repeated = 0;

  add(row: CheckedRow): void {
    const { last } = this;
    this.last = row;
    if (last !== null && last.position === row.position && last.record === row.record) this.again(last, row);
    else if (row.record === 'line') this.line(row);
    else if (row.record === 'gap') this.gap(row);
    else if (row.record === 'nuls') this.nuls(row);
    else if (row.record === 'seal') this.sealRow(row);
    else this.problem(`a row at ${row.position} is of no known kind: '${row.record}'`);
  }

  /** Two rows with one key: a merge keeps one of them, so they must not differ. */
  private again(last: CheckedRow, row: CheckedRow): void {
    if (row.crc32 === last.crc32 && row.bytes === last.bytes) this.repeated++;
    else if (row.record === 'gap') this.gap(row);
    else {
      this.problem(`two different ${row.record} rows are at ${row.position}`);
      if (row.record === 'line') this.at = Math.max(this.at, row.position + row.bytes);
    }
  }

  private line({ position, bytes, crc32 }: CheckedRow): void {
    this.text(position, bytes);
    this.lines++;
    this.crc32 = combineCrc32(this.crc32, crc32, bytes);
  }

  private text(position: number, bytes: number): void {
    this.reach(position);
    if (position < this.at) {
      this.problem(`rows overlap: [${position}, ${Math.min(this.at, position + bytes)}) is in two rows`);
    }
    if (this.seal !== null) this.problem(`a line is at ${position}, behind the seal`);
    this.at = Math.max(this.at, position + bytes);
    this.bytes += bytes;
  }

  /** As a line of so many NULs, but that it is none. */
  private nuls({ position, message }: CheckedRow): void {
    const { bytes } = parseNuls(message);
    this.text(position, bytes);
    this.crc32 = addZeros(this.crc32, bytes);
  }

  private gap({ position, message }: CheckedRow): void {
    this.reach(position);
    const { bytes, reason } = parseGap(message);
    const erased = isErased(reason);
    const isStandIn = erased || isSetAside(reason);
    if (isStandIn) this.hasStandIn = true;
    else this.gapRows++;
    if (this.seal !== null) this.problem(`a gap is at ${position}, behind the seal`);
    if (bytes !== null) {
      this.pending.push({ from: position, to: position + bytes, reason, isStandIn, isErased: erased });
      return;
    }
    this.hasOpenGap = true;
    this.explained({ from: position, to: null, reason });
  }

  private sealRow({ position, message }: CheckedRow): void {
    if (this.seal !== null) {
      this.problem(`sealed twice: at ${this.sealedAt} and at ${position}`);
      return;
    }
    this.seal = parseSeal(message);
    this.sealedAt = position;
    this.reach(position);
    if (this.at > position) this.problem(`rows are behind the seal: [${position}, ${this.at})`);
  }

  /** All rows up to `position` have arrived by now: positions without a row are missing. */
  private reach(position: number): void {
    for (const gap of this.pending) {
      const [from, to] = [Math.max(gap.from, this.at), Math.min(gap.to, position)];
      if (from >= to) continue;
      this.hole(this.at, from);
      this.explained({ from, to, reason: gap.reason });
      if (gap.isStandIn) this.isReplaced = true;
      if (gap.isErased) this.hasErased = true;
      this.at = to;
    }
    this.hole(this.at, position);
    this.at = Math.max(this.at, position);
    this.pending = this.pending.filter((gap) => gap.to > this.at);
  }

  private hole(from: number, to: number): void {
    if (from >= to) return;
    this.holeBytes += to - from;
    if (this.holes.length < limits.verify.ranges) this.holes.push({ from, to });
  }

  private explained(gap: Explained): void {
    if (this.gaps.length < limits.verify.ranges) this.gaps.push(gap);
  }

  private problem(text: string): void {
    if (this.problems.length < limits.verify.ranges) this.problems.push(text);
  }

  /** Counts a hole as explained by rows outside of the stream. */
  explain(hole: ByteRange, reason: string): void {
    this.holes.splice(this.holes.indexOf(hole), 1);
    this.holeBytes -= hole.to - hole.from;
    this.explained({ ...hole, reason });
    this.hasErased ||= isErased(reason);
    this.isReplaced = true;
  }

  /** After the last row: gap rows at the end of the stream count in full. */
  end(): void {
    if (this.seal === null) this.reach(Math.max(this.at, ...this.pending.map((gap) => gap.to)));
  }

  result(): Checked {
    if (this.seal !== null) this.compare(this.seal);
    return {
      verdict: this.verdict(),
      bytes: this.bytes,
      lines: this.lines,
      crc32: this.crc32,
      seal: this.seal,
      missing: this.holes,
      missing_bytes: this.holeBytes,
      gaps: this.gaps.sort((a, b) => a.from - b.from),
      problems: this.problems,
      repeated_rows: this.repeated,
    };
  }

  private compare(seal: Seal): void {
    if (this.sealedAt !== seal.bytes) {
      this.problem(`the seal is at ${this.sealedAt} and counts ${seal.bytes} bytes`);
    }
    // Gap rows at one position become one row, and a gap row may have been in a batch that was set aside or
    // erased.
    const mayBeFewer = this.hasStandIn || this.hasOpenGap;
    if (this.gapRows > seal.gaps || (this.gapRows < seal.gaps && !mayBeFewer)) {
      this.problem(`the seal counts ${seal.gaps} gaps, ${this.gapRows} are here`);
    }
    // If lines are missing, the holes report it, and the sums cannot be those of the seal.
    if (this.holeBytes > 0) return;
    const areLinesWrong = this.isReplaced ? this.lines > seal.lines : this.lines !== seal.lines;
    if (areLinesWrong) this.problem(`the seal counts ${seal.lines} lines, ${this.lines} are here`);
    else if (!this.isReplaced && this.crc32 !== seal.crc32) {
      this.problem(
        `the bytes differ from what was read: CRC-32 ${hex(this.crc32)}, the seal's ${hex(seal.crc32)}`,
      );
    }
  }

  private verdict(): Verdict {
    if (this.holeBytes > 0 || this.problems.length > 0) return 'wrong';
    if (this.hasErased) return 'erased';
    if (this.seal === null) return 'open';
    return this.gaps.length > 0 || !this.seal.complete ? 'incomplete' : 'complete';
  }
}

export const hex = (crc32: number): string => crc32.toString(16).padStart(8, '0');
