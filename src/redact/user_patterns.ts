import { limits } from '../base/limits.ts';
import { SECRET_BYTES_MAX } from './bytes.ts';
import { PatternMatcher } from './pattern_matcher.ts';

const NEWLINE = 10;
const RETURN = 13;
/** A longer line has several rows; each is matched alone, with what follows it. */
const { line_bytes_max } = limits.parse;

/** Bytes of a line that are to be hidden. */
export interface PatternMatch {
  from: number;
  to: number;
  /** A line is hidden whole if the patterns would need too many steps. */
  kind: 'pattern' | 'whole_line';
  /** False for the rest of a match that is counted already. */
  isCounted: boolean;
  /** Whether all that follows in the line is hidden too, however long the line is. */
  isToLineEnd: boolean;
}

/**
 * Finds the matches of the user's patterns, line by line. All that it finds in a piece of a line depends on
 * that piece and the 4 KiB behind it, never on how much of the line was read at a time.
 */
export class UserPatterns {
  private readonly matchers: PatternMatcher[];
  /** The pattern for which a line was hidden whole, the last time. */
  costly = '';
  private readonly needs: Buffer[];
  /** Whether a line without any of the needed texts has no match. */
  private readonly canSkip: boolean;
  /** Where the needed text of each pattern is next; -1 before the first look. */
  private readonly hits: Float64Array;

  /** @param patterns checked by `patternFault` */
  constructor(patterns: readonly string[]) {
    this.matchers = patterns.map((pattern) => new PatternMatcher(pattern));
    this.needs = this.matchers.map(({ needs }) => Buffer.from(needs, 'latin1'));
    this.canSkip = this.needs.every(({ length }) => length > 0);
    this.hits = new Float64Array(patterns.length);
  }

  get isEmpty(): boolean {
    return this.matchers.length === 0;
  }

  /**
   * @param at where the search starts
   * @param isInLine whether a line began before `at`
   * @param isFinal whether no bytes follow; else the end of the bytes waits if its rows must wait
   * @param pieceEnds is told where a piece ends, before the next one
   */
  find(
    bytes: Buffer,
    at: number,
    isInLine: boolean,
    isFinal: boolean,
    found: (match: PatternMatch) => void,
    pieceEnds: (at: number) => void,
  ): void {
    this.hits.fill(-1);
    let isCut = isInLine;
    while (at < bytes.length) {
      if (this.canSkip) {
        const hit = this.nextHit(bytes, at);
        if (hit === Number.POSITIVE_INFINITY) return;
        const line = bytes.lastIndexOf(NEWLINE, hit) + 1;
        if (line > at) [at, isCut] = [line, false];
      }
      const newline = bytes.indexOf(NEWLINE, at);
      const after = newline < 0 ? bytes.length : newline + 1;
      const text = textEnd(bytes, at, newline);
      for (let from = at; from < text; from += line_bytes_max, isCut = true) {
        const isLong = after - from > line_bytes_max || (newline < 0 && after - from === line_bytes_max);
        const to = isLong ? from + line_bytes_max : text;
        if (newline < 0 && !isFinal && (!isLong || bytes.length - to <= SECRET_BYTES_MAX)) return;
        if (from > at) pieceEnds(from);
        if (this.inPiece(bytes, from, to, text, isCut, found) || !isLong) break;
      }
      at = after;
      isCut = false;
    }
  }

  /**
   * Where a match may begin that needs more bytes, in the line at `start`, which goes on; the end of the
   * bytes if none may.
   * @param isInLine whether the line began before `start`
   */
  openFrom(bytes: Buffer, start: number, isInLine: boolean): number {
    let open = bytes.length;
    let steps = limits.redact.line_steps_max;
    for (const matcher of this.matchers) {
      open = Math.min(open, matcher.openFrom(bytes, start, isInLine, steps));
      steps -= matcher.steps;
    }
    while (open > start && open < bytes.length && isContinuation(bytes[open]!)) open--;
    return open;
  }

  /** @returns whether all that follows in the line is hidden */
  private inPiece(
    bytes: Buffer,
    start: number,
    until: number,
    text: number,
    isCut: boolean,
    found: (match: PatternMatch) => void,
  ): boolean {
    const end = Math.min(text, until + SECRET_BYTES_MAX);
    const goesOn = end < text;
    let steps = limits.redact.line_steps_max;
    let open = -1;
    for (const [index, matcher] of this.matchers.entries()) {
      if (!this.mayMatch(index, bytes, start, end)) continue;
      const piece = {
        start,
        until: Math.min(until, text),
        end,
        isCut: [isCut, goesOn] as [boolean, boolean],
      };
      const isEnough = matcher.find(bytes, piece, steps, (first, behind) => {
        let [from, to] = [first, behind];
        // Hides all bytes of a multi-byte character.
        while (from > start && isContinuation(bytes[from]!)) from--;
        while (to < end && isContinuation(bytes[to]!)) to++;
        found({ from, to, kind: 'pattern', isCounted: true, isToLineEnd: false });
        if (to === end && goesOn) open = from;
      });
      steps -= matcher.steps;
      if (isEnough) continue;
      this.costly = matcher.pattern;
      found({ from: start, to: text, kind: 'whole_line', isCounted: true, isToLineEnd: true });
      return true;
    }
    if (open < 0) return false;
    found({ from: open, to: text, kind: 'pattern', isCounted: false, isToLineEnd: true });
    return true;
  }

  private mayMatch(index: number, bytes: Buffer, start: number, end: number): boolean {
    const { length } = this.needs[index]!;
    return length === 0 || this.hitOf(index, bytes, start) + length <= end;
  }

  private nextHit(bytes: Buffer, at: number): number {
    let next = Number.POSITIVE_INFINITY;
    for (let index = 0; index < this.hits.length; index++)
      next = Math.min(next, this.hitOf(index, bytes, at));
    return next;
  }

  /** Where the needed text of a pattern is, from `at` on. */
  private hitOf(index: number, bytes: Buffer, at: number): number {
    const { hits, needs } = this;
    if (hits[index]! < at) {
      const hit = bytes.indexOf(needs[index]!, at);
      hits[index] = hit < 0 ? Number.POSITIVE_INFINITY : hit;
    }
    return hits[index]!;
  }
}

/** The end of the line's text, before its line end. */
export function textEnd(bytes: Uint8Array, start: number, newline: number): number {
  if (newline < 0) return bytes.length;
  let end = newline;
  while (end > start && newline - end < 2 && bytes[end - 1] === RETURN) end--;
  return end;
}

const isContinuation = (byte: number): boolean => (byte & 0xc0) === 0x80;
