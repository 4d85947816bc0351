import { type Kind, kinds } from './kinds.ts';
import { KEY_BYTES_MAX, keyBegins, keyEnds, keyRuns } from './private_key.ts';
import { checksFor, SECRET_BYTES_MAX, secret } from './secrets.ts';

/** What the next bytes of a stream may belong to: part of its state. */
export interface RedactionState {
  /** So many of the next bytes are the rest of a secret. */
  rest: number;
  /** Within a private key's block: bytes since it began; -1 outside. */
  key: number;
}

const NOTHING: RedactionState = { rest: 0, key: -1 };
const STAR = 42;

/**
 * Fills secrets in the bytes of a stream with `*`, in place of what is there: lengths and positions stay. Nothing that it is
 * given is changed; a copy is made only where there is something to hide.
 */
export class Redactor {
  /** Secrets hidden since the start, by kind. */
  readonly counts: Partial<Record<Kind, number>> = {};
  private readonly checks: ReturnType<typeof checksFor>;
  /** By byte, whether it may be the sign of a secret. */
  private readonly signs: Uint8Array;
  private readonly hasChecks: boolean;
  private readonly hasKeys: boolean;
  private readonly patterns: RegExp[];
  private copy = Buffer.alloc(0);
  private ranges: { from: number; to: number; kind: Kind }[] = [];
  /** Where private keys' blocks begin and end in the bytes that were last looked at, in order. */
  private keys: { at: number; opens: boolean }[] = [];
  /** Of the last `hide`: where its bytes began, what they had to know, and where those begin that are not counted. */
  private start = 0;
  private before = NOTHING;
  private counted = 0;

  /** @param patterns of the user, which `patternFault` found no fault with */
  constructor(wanted: readonly Kind[], patterns: readonly string[]) {
    const set = new Set(wanted);
    this.checks = checksFor(set);
    this.signs = Uint8Array.from(this.checks, (check) => Number(check !== undefined));
    this.hasChecks = this.checks.some((check) => check !== undefined);
    this.hasKeys = set.has('private_key');
    this.patterns = patterns.map((pattern) => new RegExp(pattern, 'g'));
    for (const kind of kinds) {
      if (set.has(kind) || (kind === 'pattern' && patterns.length > 0)) this.counts[kind] = 0;
    }
  }

  /** `redacted_aws` and so on, of what is looked for. */
  get status(): Record<`redacted_${string}`, number> {
    return Object.fromEntries(
      Object.entries(this.counts).map(([kind, count]) => [`redacted_${kind}`, count]),
    );
  }

  /** Whether a row that is to end at `end`, within its line, has to wait for more bytes: they may end a secret in it. */
  mustWait(bytes: Buffer, end: number, final: boolean): boolean {
    if (final || bytes[end - 1] === 10 || bytes.length - end >= SECRET_BYTES_MAX) return false;
    return bytes.indexOf(10, end) < 0;
  }

  /** @returns bytes in which all secrets of bytes[start…] are hidden, to be used before the next call; else `bytes` */
  hide(bytes: Buffer, start: number, before: RedactionState | null): Buffer {
    const end = bytes.length;
    this.before = before ?? NOTHING;
    this.start = start;
    this.counted = start;
    this.ranges.length = 0;
    this.keys.length = 0;
    const { rest, key } = this.before;
    if (this.hasKeys) this.findKeys(bytes, start, end, key);
    if (this.hasChecks) this.findSecrets(bytes, start, end);
    for (const pattern of this.patterns) this.findPattern(pattern, bytes, start, end);
    if (this.ranges.length === 0 && rest === 0) return bytes;
    if (this.copy.length < end) this.copy = Buffer.allocUnsafeSlow(end);
    const shown = this.copy.subarray(0, end);
    bytes.copy(shown, start, start, end);
    if (rest > 0) shown.fill(STAR, start, Math.min(end, start + rest));
    for (const { from, to } of this.ranges) shown.fill(STAR, from, to);
    return shown;
  }

  /**
   * Of the bytes of the last `hide`, those before `at` are in rows now. Counts what was hidden in them.
   * @returns what the bytes from `at` on have to know; null: nothing
   */
  took(at: number): RedactionState | null {
    const { before, start, counted, counts } = this;
    let rest = Math.max(0, before.rest - (at - start));
    for (const { from, to, kind } of this.ranges) {
      if (from >= at) continue;
      if (from >= counted && kind !== 'private_key') counts[kind]!++;
      rest = Math.max(rest, to - at);
    }
    let key = before.key < 0 ? -1 : before.key + at - start;
    for (const mark of this.keys) {
      if (mark.at >= at) continue;
      key = mark.opens ? at - mark.at - 1 : -1;
      if (mark.opens && mark.at >= counted) counts.private_key!++;
    }
    this.counted = at;
    return rest > 0 || key >= 0 ? { rest, key } : null;
  }

  private findSecrets(bytes: Buffer, start: number, end: number): void {
    const { checks, signs } = this;
    for (let at = start; at < end; at++) {
      if (signs[bytes[at]!] === 0 || !checks[bytes[at]!]!(bytes, at, start, end)) continue;
      const { from, to, kind } = secret;
      this.ranges.push({ from, to, kind });
      // What follows is looked at from the secret's end: an address may begin there.
      at = Math.max(at, to - 1);
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
      keyRuns(bytes, at, to, (from, until) => this.ranges.push({ from, to: until, kind: 'private_key' }));
      if (to === end && ends < 0) return;
      this.keys.push({ at: to - 1, opens: false });
      at = to;
      open = -1;
    }
  }

  /** Line by line, over text in which one character is one byte. */
  private findPattern(pattern: RegExp, bytes: Buffer, start: number, end: number): void {
    for (let at = start; at < end; ) {
      const next = bytes.indexOf(10, at);
      const lineEnd = next < 0 || next > end ? end : next;
      // A long line in parts, so that what a pattern costs is bounded; each begins before the end of the last one.
      for (let from = at, size = PATTERN_BYTES; from < lineEnd; ) {
        const to = Math.min(lineEnd, from + size);
        const open = this.findIn(pattern, bytes, from, to);
        if (to === lineEnd) break;
        // What ends with the part may go on: it is looked at again, with as much behind it.
        from = open < 0 ? to - PATTERN_OVERLAP : open;
        size = open < 0 ? PATTERN_BYTES : Math.max(PATTERN_BYTES, 2 * (to - open));
      }
      at = lineEnd + 1;
    }
  }

  /** @returns where a match begins that ends with the text; -1 if none does */
  private findIn(pattern: RegExp, bytes: Buffer, start: number, end: number): number {
    const text = bytes.toString('latin1', start, end);
    let open = -1;
    pattern.lastIndex = 0;
    for (let match = pattern.exec(text); match !== null; match = pattern.exec(text)) {
      if (match[0] === '') {
        pattern.lastIndex++;
        continue;
      }
      let from = start + match.index;
      let to = from + match[0].length;
      if (to === end) open = from;
      // Characters of several bytes are hidden whole.
      while (from > start && isContinuation(bytes[from]!)) from--;
      while (to < end && isContinuation(bytes[to]!)) to++;
      const last = this.ranges.at(-1);
      // The same one, seen in two parts of a long line.
      if (last?.kind === 'pattern' && from < last.to && from >= last.from) last.to = Math.max(last.to, to);
      else this.ranges.push({ from, to, kind: 'pattern' });
    }
    return open;
  }
}

const PATTERN_BYTES = 1_024;
const PATTERN_OVERLAP = 256;

const isContinuation = (byte: number): boolean => (byte & 0xc0) === 0x80;
