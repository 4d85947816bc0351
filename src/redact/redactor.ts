import { LOOK_BACK_BYTES, SECRET_BYTES_MAX, SIGN_BYTES_MAX } from './bytes.ts';
import { type Kind, kinds } from './kinds.ts';
import { KEY_BYTES_MAX, keyBegins, keyEnds, keyRuns } from './private_key.ts';
import { signsFor } from './secrets.ts';
import type { SignTable, Span } from './signs.ts';
import { sureEnd } from './unfinished.ts';
import { type PatternMatch, textEnd, UserPatterns } from './user_patterns.ts';

/** A secret that is not yet complete at a position of a stream; stored with the position. */
export interface RedactionState {
  /** Number of the following bytes that belong to the secret. */
  rest: number;
  /** Bytes since the start of the current private key block; -1 outside of a block. */
  key: number;
  /** Secrets that begin later, but whose names the stream has passed. Positions count from here. */
  later?: { from: number; to: number; kind: Kind }[];
  /** Number of the following bytes in which no further secret is searched: one was found there. */
  skip?: number;
  /** The bytes of the line before this position, as far as a check may read them. */
  before?: string;
  /**
   * Only with patterns, and only within a line: whether all that follows in the line is hidden. Absent at the
   * start of a line.
   */
  line?: 'goes on' | 'hidden';
}

const NOTHING: RedactionState = { rest: 0, key: -1 };
/** Bytes behind a row that decide what is hidden in it. */
export const BYTES_BEHIND = SECRET_BYTES_MAX + 1;
const STAR = 42;
const NEWLINE = 10;

/**
 * Overwrites secrets in the bytes of a stream with `*`, so lengths and positions stay the same. It changes a
 * copy, and makes the copy only if there is a secret.
 */
export class Redactor {
  /** Secrets hidden since the start, by kind. */
  readonly counts: Partial<Record<Kind | PatternMatch['kind'], number>> = {};
  private readonly signs: SignTable;
  private readonly hasKeys: boolean;
  private readonly patterns: UserPatterns;
  private copy = Buffer.alloc(0);
  /** Parts of private keys. */
  private ranges: { from: number; to: number }[] = [];
  private found: Span[] = [];
  private matches: PatternMatch[] = [];
  /** Starts and ends of private key blocks in the bytes of the last `hide`, in order. */
  private keys: { at: number; opens: boolean }[] = [];
  /** Of the last `hide`: its bytes and start, the state before it, and the end of the counted secrets. */
  private bytes: Buffer = Buffer.alloc(0);
  private start = 0;
  /** The bytes that the last `hide` searched, and where they begin in those that it was given. */
  private scanned: Buffer = Buffer.alloc(0);
  private shift = 0;
  private before = NOTHING;
  private counted = 0;

  /** @param patterns the user's patterns, checked by `patternFault` */
  constructor(wanted: readonly Kind[], patterns: readonly string[]) {
    const set = new Set(wanted);
    this.signs = signsFor(set);
    this.hasKeys = set.has('private_key');
    this.patterns = new UserPatterns(patterns);
    for (const kind of kinds) if (set.has(kind)) this.counts[kind] = 0;
    if (!this.patterns.isEmpty) this.counts.pattern = this.counts.whole_line = 0;
  }

  /** `redacted_aws` and so on, for the kinds that are redacted. */
  get status(): Record<`redacted_${string}`, number> {
    return Object.fromEntries(
      Object.entries(this.counts).map(([kind, count]) => [`redacted_${kind}`, count]),
    );
  }

  /** The pattern for which a line was hidden whole, the last time. */
  get costly(): string {
    return this.patterns.costly;
  }

  /**
   * Whether a row that would end inside a line, at `end`, must wait for more bytes, which may complete a
   * secret.
   */
  mustWait(bytes: Buffer, end: number, final: boolean): boolean {
    if (final || bytes[end - 1] === NEWLINE || bytes.length - end >= BYTES_BEHIND) return false;
    return bytes.indexOf(NEWLINE, end) < 0;
  }

  /**
   * @returns a copy in which the secrets of bytes[start…] are hidden, valid until the next call; `bytes` if
   * there are none
   * @param isFinal whether no bytes follow; else patterns may not be hidden yet in rows that must wait
   */
  hide(bytes: Buffer, start: number, before: RedactionState | null, isFinal = true): Buffer {
    const end = bytes.length;
    this.bytes = bytes;
    this.before = before ?? NOTHING;
    this.start = start;
    this.counted = start;
    this.ranges.length = 0;
    this.found.length = 0;
    this.matches.length = 0;
    this.keys.length = 0;
    const { rest, key } = this.before;
    if (this.hasKeys) this.findKeys(bytes, start, end, key);
    if (!this.signs.isEmpty) this.findSecrets(bytes, start);
    if (!this.patterns.isEmpty) this.findPatterns(bytes, start, isFinal);
    const { ranges, found, matches } = this;
    if (ranges.length + found.length + matches.length + rest === 0) return bytes;
    if (this.copy.length < end) this.copy = Buffer.allocUnsafeSlow(end);
    const shown = this.copy.subarray(0, end);
    bytes.copy(shown, start, start, end);
    if (rest > 0) shown.fill(STAR, start, Math.min(end, start + rest));
    for (const { from, to } of [...ranges, ...matches, ...found]) {
      // A secret may begin in an earlier row, and end behind these bytes.
      shown.fill(STAR, Math.max(start, Math.min(end, from)), Math.max(start, Math.min(end, to)));
    }
    return shown;
  }

  /**
   * How far the line that the last `hide` was given may be shown although it goes on: no byte before that
   * offset becomes a part of a secret by what follows.
   */
  sureEnd(): number {
    const { bytes, start, found } = this;
    const end =
      this.signs.isEmpty && !this.hasKeys ? bytes.length : sureEnd(bytes, start, bytes.length, found);
    return Math.min(end, this.patterns.openFrom(bytes, start, this.before.line === 'goes on'));
  }

  /**
   * The bytes of the last `hide` before `at` are in rows now. Counts the secrets in them.
   * @returns the state that the next `hide`, from `at` on, needs; null if no secret continues there
   */
  took(at: number): RedactionState | null {
    const { before, start, counted, counts } = this;
    let rest = Math.max(0, before.rest - (at - start));
    for (const { from, to } of this.ranges) if (from < at) rest = Math.max(rest, to - at);
    for (const { from, to, kind, isCounted } of this.matches) {
      if (from >= at) continue;
      if (from >= counted && isCounted) counts[kind]!++;
      rest = Math.max(rest, to - at);
    }
    const later: RedactionState['later'] = [];
    let skip = Math.max(0, (before.skip ?? 0) - (at - start));
    for (const { kind, from, to, at: foundAt, next } of this.found) {
      // The next search finds again what this one found behind `at`.
      if (foundAt < at) skip = Math.max(skip, next - at);
      if (to === from) continue;
      if (from >= at) {
        if (foundAt < at) later.push({ from: from - at, to: to - at, kind });
        continue;
      }
      if (from >= counted) counts[kind]!++;
      rest = Math.max(rest, to - at);
    }
    let key = before.key < 0 ? -1 : before.key + at - start;
    for (const mark of this.keys) {
      if (mark.at >= at) continue;
      key = mark.opens ? at - mark.at - 1 : -1;
      if (mark.opens && mark.at >= counted) counts.private_key!++;
    }
    this.counted = at;
    const text = this.lineBefore(at);
    const line = this.lineAt(at);
    const isNothing = rest === 0 && key < 0 && later.length === 0 && skip === 0 && text === '';
    if (isNothing && line === undefined) return null;
    return {
      ...{ rest, key },
      ...(later.length > 0 && { later }),
      ...(skip > 0 && { skip }),
      ...(text !== '' && { before: text }),
      ...(line !== undefined && { line }),
    };
  }

  /** The bytes that checks behind `at` may read; empty if a line begins there. */
  private lineBefore(at: number): string {
    const end = at - this.shift;
    if (this.signs.isEmpty || end <= 0 || this.scanned[end - 1] === 10) return '';
    return this.scanned.toString('latin1', Math.max(0, end - LOOK_BACK_BYTES - SIGN_BYTES_MAX), end);
  }

  /** What lies before `start` in the line decides with: a name that began there, a letter before a token. */
  private findSecrets(bytes: Buffer, start: number): void {
    const { later = [], skip = 0, before = '' } = this.before;
    const { found } = this;
    // Without the bytes before `start`, which no check may read: they are not the same at each reading.
    const rest = bytes.subarray(start);
    this.scanned = before === '' ? rest : Buffer.concat([Buffer.from(before, 'latin1'), rest]);
    this.shift = start - before.length;
    const { scanned, shift } = this;
    this.signs.find(found, scanned, before.length + skip, 0, scanned.length);
    for (const span of found) {
      span.at += shift;
      span.from += shift;
      span.to += shift;
      span.next += shift;
    }
    for (const { from, to, kind } of later) {
      found.push({ kind, from: start + from, to: start + to, at: start - 1, next: start });
    }
  }

  private findKeys(bytes: Buffer, start: number, end: number, before: number): void {
    let at = start;
    let open = before;
    for (;;) {
      if (open < 0) {
        const from = keyBegins(bytes, at, end);
        if (from < 0) return;
        this.keys.push({ at: from - 1, opens: true });
        at = from;
        open = 0;
      }
      const most = Math.min(end, at + KEY_BYTES_MAX - open);
      const ends = keyEnds(bytes, at, Math.min(end, most + 1));
      const to = ends >= 0 && ends <= most ? ends : most;
      keyRuns(bytes, at, to, (from, until) => this.ranges.push({ from, to: until }));
      if (to === end && ends < 0) return;
      this.keys.push({ at: to - 1, opens: false });
      at = to;
      open = -1;
    }
  }

  private findPatterns(bytes: Buffer, start: number, isFinal: boolean): void {
    const { rest, line } = this.before;
    let at = start;
    if (line === 'hidden') {
      const newline = bytes.indexOf(NEWLINE, start);
      const to = textEnd(bytes, start, newline);
      this.matches.push({ from: start, to, kind: 'pattern', isCounted: false, isToLineEnd: true });
      if (newline < 0) return;
      at = newline + 1;
    }
    // What begins in a secret of an earlier piece is a part of it, also if that piece was in an earlier read.
    let covered = start + rest;
    const found = (match: PatternMatch): void => {
      const isPart = match.kind === 'pattern' && match.from < covered;
      this.matches.push({ ...match, isCounted: match.isCounted && !isPart });
    };
    this.patterns.find(bytes, at, line === 'goes on', isFinal, found, (end) => {
      for (const { from, to } of [...this.ranges, ...this.found, ...this.matches]) {
        if (from < end) covered = Math.max(covered, to);
      }
    });
  }

  /** Where the rows end within a line, what its next bytes need to know about it. */
  private lineAt(at: number): RedactionState['line'] {
    if (this.patterns.isEmpty) return undefined;
    if (at === this.start) return this.before.line;
    // Only a line that ends may end at the end of the bytes: any other would wait for what follows.
    if (at === this.bytes.length || this.bytes[at - 1] === NEWLINE) return undefined;
    const isHidden = this.matches.some(({ from, to, isToLineEnd }) => isToLineEnd && from < at && to > at);
    return isHidden ? 'hidden' : 'goes on';
  }
}
