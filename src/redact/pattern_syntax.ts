/**
 * Reads a user's pattern: JavaScript's regular expressions without flags, in ASCII, and without what needs
 * backtracking (lookahead, lookbehind, backreferences).
 */
import { limits } from '../base/limits.ts';

/** Bytes that a character of the pattern matches: 1 at each of their 256 indexes. */
export type Bytes = Uint8Array;

export type Assertion = 'line start' | 'line end' | 'word edge' | 'no word edge';

export type Node =
  | { is: 'bytes'; bytes: Bytes }
  | { is: 'at'; what: Assertion }
  | { is: 'all'; of: Node[] }
  /** The first alternative that leads to a match counts. */
  | { is: 'one'; of: Node[] }
  | { is: 'many'; of: Node; min: number; max: number; isGreedy: boolean };

/** The message is the end of a sentence about the pattern: `has a backreference`. */
export class Refused extends Error {}

/** @throws Refused */
export function readPattern(pattern: string): Node {
  // Also bounds the depth of nested groups.
  const { pattern_characters_max } = limits.redact;
  if (pattern.length > pattern_characters_max)
    throw new Refused(`has more than ${pattern_characters_max} characters; split it into several`);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: all of ASCII is meant
  if (/[^\x00-\x7f]/.test(pattern)) throw new Refused('has characters that are not ASCII');
  let isEmpty: boolean;
  try {
    isEmpty = new RegExp(pattern).test('');
  } catch {
    throw new Refused('is not a valid regular expression');
  }
  if (isEmpty) throw new Refused('matches an empty text');
  return new PatternReader(pattern).read();
}

export const bytesOf = (isIn: (byte: number) => boolean): Bytes =>
  Uint8Array.from({ length: 256 }, (_, byte) => Number(isIn(byte)));

export const isWordByte = (b: number): boolean =>
  (b >= 48 && b <= 57) || (b >= 65 && b <= 90) || (b >= 97 && b <= 122) || b === 95;

const without = (bytes: Bytes): Bytes => bytes.map((one) => 1 - one);
const only = (byte: number): Bytes => bytesOf((b) => b === byte);
const isSpace = (b: number): boolean => (b >= 9 && b <= 13) || b === 32 || b === 0xa0;
const classes: Record<string, Bytes> = {
  d: bytesOf((b) => b >= 48 && b <= 57),
  w: bytesOf(isWordByte),
  s: bytesOf(isSpace),
};

/** Reads a pattern that the RegExp constructor has accepted. */
class PatternReader {
  private at = 0;
  private readonly text: string;

  constructor(text: string) {
    this.text = text;
  }

  read(): Node {
    const node = this.alternatives();
    if (this.at < this.text.length) throw new Refused('is not a valid regular expression');
    return node;
  }

  private alternatives(): Node {
    const of = [this.sequence()];
    while (this.text[this.at] === '|') {
      this.at++;
      of.push(this.sequence());
    }
    return of.length === 1 ? of[0]! : { is: 'one', of };
  }

  private sequence(): Node {
    const of: Node[] = [];
    while (this.at < this.text.length && !'|)'.includes(this.text[this.at]!)) {
      of.push(this.repeated(this.atom()));
    }
    return of.length === 1 ? of[0]! : { is: 'all', of };
  }

  private atom(): Node {
    const character = this.text[this.at++]!;
    switch (character) {
      case '(':
        return this.group();
      case '[':
        return { is: 'bytes', bytes: this.set() };
      case '.':
        return { is: 'bytes', bytes: bytesOf((b) => b !== 10 && b !== 13) };
      case '^':
        return { is: 'at', what: 'line start' };
      case '$':
        return { is: 'at', what: 'line end' };
      case '\\':
        return this.escaped();
      default:
        return { is: 'bytes', bytes: only(character.charCodeAt(0)) };
    }
  }

  private group(): Node {
    if (/^\?<?[=!]/.test(this.text.slice(this.at))) throw new Refused('has a lookahead or lookbehind');
    const head = /^\?(?:<[A-Za-z_$][\w$]*>|:)/.exec(this.text.slice(this.at))?.[0] ?? '';
    if (this.text[this.at] === '?' && head === '')
      throw new Refused('has a kind of group that is not supported');
    this.at += head.length;
    const node = this.alternatives();
    this.at++;
    return node;
  }

  private escaped(): Node {
    const next = this.text[this.at]!;
    if (next === 'b' || next === 'B') {
      this.at++;
      return { is: 'at', what: next === 'b' ? 'word edge' : 'no word edge' };
    }
    if (/[1-9k]/.test(next)) throw new Refused('has a backreference');
    return { is: 'bytes', bytes: this.escape() };
  }

  /** Reads the rest of an escape, after its backslash. */
  private escape(): Bytes {
    const next = this.text[this.at++]!;
    const known = Object.hasOwn(classes, next.toLowerCase()) ? classes[next.toLowerCase()] : undefined;
    if (known !== undefined) return next === next.toLowerCase() ? known : without(known);
    const after = this.text.slice(this.at);
    const isOctal = /[1-9]/.test(next) || (next === '0' && /^\d/.test(after));
    if (isOctal || 'pPuck'.includes(next)) throw new Refused(`has \\${next}, which is not supported`);
    const hex = next === 'x' ? /^[0-9a-fA-F]{2}/.exec(after)?.[0] : undefined;
    if (hex !== undefined) this.at += 2;
    const control = { n: 10, r: 13, t: 9, f: 12, v: 11, '0': 0 }[next];
    return only(hex === undefined ? (control ?? next.charCodeAt(0)) : Number.parseInt(hex, 16));
  }

  private set(): Bytes {
    const isNot = this.text[this.at] === '^';
    if (isNot) this.at++;
    const set = new Uint8Array(256);
    const add = (bytes: Bytes): void => {
      for (let byte = 0; byte < 256; byte++) set[byte]! |= bytes[byte]!;
    };
    while (this.text[this.at] !== ']') {
      const from = this.inSet();
      if (this.text[this.at] !== '-' || this.text[this.at + 1] === ']') {
        add(from);
        continue;
      }
      this.at++;
      const to = this.inSet();
      const [first, last] = [from.indexOf(1), to.indexOf(1)];
      const isRange = from.lastIndexOf(1) === first && to.lastIndexOf(1) === last;
      // In [\d-x] the hyphen is a character like any other.
      for (const bytes of isRange ? [bytesOf((b) => b >= first && b <= last)] : [from, only(45), to]) {
        add(bytes);
      }
    }
    this.at++;
    return isNot ? without(set) : set;
  }

  private inSet(): Bytes {
    const character = this.text[this.at++]!;
    if (character !== '\\') return only(character.charCodeAt(0));
    if (this.text[this.at] !== 'b') return this.escape();
    this.at++;
    return only(8);
  }

  private repeated(node: Node): Node {
    const found = /^(?:[*+?]|\{(\d+)(,?)(\d*)\})(\??)/.exec(this.text.slice(this.at));
    if (found === null) return node;
    this.at += found[0].length;
    const [sign, least, comma, most, lazy] = found;
    const isGreedy = lazy === '';
    const endless = Number.POSITIVE_INFINITY;
    if (least === undefined) {
      const [min, max] = { '*': [0, endless], '+': [1, endless], '?': [0, 1] }[sign[0]!]!;
      return { is: 'many', of: node, min: min!, max: max!, isGreedy };
    }
    const min = Number(least);
    const max = comma === '' ? min : most === '' ? endless : Number(most);
    return { is: 'many', of: node, min, max, isGreedy };
  }
}

/** The longest text that each match must contain; '' if there is none. */
export function neededText(node: Node): string {
  let longest = '';
  let run = '';
  const end = (): void => {
    if (run.length > longest.length) longest = run;
    run = '';
  };
  const visit = (one: Node): void => {
    if (one.is === 'at') return;
    if (one.is === 'all') {
      one.of.forEach(visit);
      return;
    }
    if (one.is === 'bytes') {
      const byte = one.bytes.indexOf(1);
      if (byte >= 0 && one.bytes.lastIndexOf(1) === byte) run += String.fromCharCode(byte);
      else end();
      return;
    }
    end();
    if (one.is !== 'many' || one.min === 0) return;
    visit(one.of);
    end();
  };
  visit(node);
  end();
  return longest;
}
