/**
 * Checks that a user's pattern is safe for text that a guest controls. A backtracking matcher takes
 * exponential time if a repetition can match a text in several ways (`(a+)+`), and polynomial time of a
 * higher degree if two successive repetitions can match the same text (`.*=.*`). Both are properties of the
 * pattern's automaton, which is built here; its states are the positions ("places") of the pattern's
 * characters.
 */

/** Bytes that a character of the pattern matches: 1 at each of their 256 indexes. */
type Bytes = Uint8Array;

type Node =
  | { is: 'bytes'; bytes: Bytes }
  | { is: 'all'; of: Node[] }
  | { is: 'one'; of: Node[] }
  | { is: 'many'; of: Node; min: number; max: number };

/** A pattern with more places, or whose check takes more steps, is refused. */
const PLACES_MAX = 400;
const STEPS_MAX = 2_000_000;
/** A repetition of one character counts as unbounded if its maximum is greater than this. */
const REPEATS_MAX = 64;
/** A repetition of anything else counts as unbounded if its maximum is greater than this. */
const VARIED_REPEATS_MAX = 8;
/** Optional parts and alternatives multiply the ways to match; this many cost little. */
const CHOICES_MAX = 12;

/**
 * @returns the fault of the pattern, as the end of a sentence (`is too complex to check`); null if it has
 * none
 */
export function patternFault(pattern: string): string | null {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: all of ASCII is meant
  if (/[^\x00-\x7f]/.test(pattern)) return 'has characters that are not ASCII';
  try {
    if (new RegExp(pattern).test('')) return 'matches an empty text';
  } catch {
    return 'is not a valid regular expression';
  }
  try {
    const places = placesOf(new PatternReader(pattern).read());
    return ambiguityIn(places);
  } catch (error) {
    if (error instanceof Refused) return error.message;
    throw error;
  }
}

class Refused extends Error {}

const bytesOf = (isIn: (byte: number) => boolean): Bytes =>
  Uint8Array.from({ length: 256 }, (_, b) => Number(isIn(b)));
const without = (bytes: Bytes): Bytes => bytes.map((one) => 1 - one);
const isWord = (b: number): boolean =>
  (b >= 48 && b <= 57) || (b >= 65 && b <= 90) || (b >= 97 && b <= 122) || b === 95;
const isSpace = (b: number): boolean => (b >= 9 && b <= 13) || b === 32 || b === 0xa0;
const classes: Record<string, Bytes> = {
  d: bytesOf((b) => b >= 48 && b <= 57),
  w: bytesOf(isWord),
  s: bytesOf(isSpace),
};

/**
 * Parses a pattern that the RegExp constructor has accepted.
 * @throws Refused for syntax that is not supported
 */
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
      const node = this.repeated(this.atom());
      if (node !== null) of.push(node);
    }
    return { is: 'all', of };
  }

  /** Null for an assertion such as `^`, which matches no byte. */
  private atom(): Node | null {
    const character = this.text[this.at++]!;
    switch (character) {
      case '(':
        return this.group();
      case '[':
        return { is: 'bytes', bytes: this.set() };
      case '.':
        return { is: 'bytes', bytes: bytesOf((b) => b !== 10 && b !== 13) };
      case '^':
      case '$':
        return null;
      case '\\':
        return this.escaped();
      default:
        return { is: 'bytes', bytes: bytesOf((b) => b === character.charCodeAt(0)) };
    }
  }

  private group(): Node {
    if (/^\?<?[=!]/.test(this.text.slice(this.at))) throw new Refused('has a lookahead or lookbehind');
    const head = /^\?(?:<[A-Za-z_]\w*>|:)/.exec(this.text.slice(this.at))?.[0] ?? '';
    if (this.text[this.at] === '?' && head === '')
      throw new Refused('has a kind of group that is not supported');
    this.at += head.length;
    const node = this.alternatives();
    this.at++;
    return node;
  }

  private escaped(): Node | null {
    const next = this.text[this.at]!;
    if (next === 'b' || next === 'B') {
      this.at++;
      return null;
    }
    if (/[1-9k]/.test(next)) throw new Refused('has a backreference');
    return { is: 'bytes', bytes: this.escape() };
  }

  /** Reads the rest of an escape, after its backslash. */
  private escape(): Bytes {
    const next = this.text[this.at++]!;
    const known = classes[next.toLowerCase()];
    if (known !== undefined) return next === next.toLowerCase() ? known : without(known);
    if ('pPu'.includes(next)) throw new Refused(`has \\${next}, which is not supported`);
    const hex = next === 'x' ? /^[0-9a-fA-F]{2}/.exec(this.text.slice(this.at))?.[0] : undefined;
    if (hex !== undefined) this.at += 2;
    const control = { n: 10, r: 13, t: 9, f: 12, v: 11, '0': 0 }[next];
    const byte = hex === undefined ? (control ?? next.charCodeAt(0)) : Number.parseInt(hex, 16);
    return bytesOf((b) => b === byte);
  }

  private set(): Bytes {
    const isNot = this.text[this.at] === '^';
    if (isNot) this.at++;
    const set = new Uint8Array(256);
    while (this.text[this.at] !== ']') {
      const from = this.inSet();
      const isRange = this.text[this.at] === '-' && this.text[this.at + 1] !== ']';
      if (!isRange) {
        for (let b = 0; b < 256; b++) set[b]! |= from[b]!;
        continue;
      }
      this.at++;
      const to = this.inSet();
      const [first, last] = [from.indexOf(1), to.lastIndexOf(1)];
      for (let b = first; b <= last; b++) set[b] = 1;
    }
    this.at++;
    return isNot ? without(set) : set;
  }

  private inSet(): Bytes {
    const character = this.text[this.at++]!;
    if (character !== '\\') return bytesOf((b) => b === character.charCodeAt(0));
    if (this.text[this.at] !== 'b') return this.escape();
    this.at++;
    return bytesOf((b) => b === 8);
  }

  private repeated(node: Node | null): Node | null {
    const found = /^(?:[*+?]|\{(\d+)(,?)(\d*)\})\??/.exec(this.text.slice(this.at));
    if (found === null) return node;
    this.at += found[0].length;
    if (node === null) return null;
    const [sign, least, comma, most] = found;
    if (least === undefined) {
      return {
        is: 'many',
        of: node,
        min: sign[0] === '+' ? 1 : 0,
        max: sign[0] === '?' ? 1 : Number.POSITIVE_INFINITY,
      };
    }
    const min = Number(least);
    const max = comma === '' ? min : most === '' ? Number.POSITIVE_INFINITY : Number(most);
    return { is: 'many', of: node, min, max };
  }
}

interface Places {
  bytes: Bytes[];
  /** For each place the places that can follow, each as often as there are ways to it. */
  next: number[][];
}

interface Part {
  canBeEmpty: boolean;
  first: number[];
  last: number[];
}

/** Builds Glushkov's automaton: it has one state per character of the pattern, and no empty transitions. */
function placesOf(root: Node): Places {
  const places: Places = { bytes: [], next: [] };
  const link = (from: number[], to: number[]): void => {
    for (const one of from) places.next[one]!.push(...to);
  };
  const join = (parts: Part[]): Part => {
    let whole: Part = { canBeEmpty: true, first: [], last: [] };
    for (const part of parts) {
      link(whole.last, part.first);
      whole = {
        canBeEmpty: whole.canBeEmpty && part.canBeEmpty,
        first: whole.canBeEmpty ? [...whole.first, ...part.first] : whole.first,
        last: part.canBeEmpty ? [...whole.last, ...part.last] : part.last,
      };
    }
    return whole;
  };
  const build = (node: Node): Part => {
    switch (node.is) {
      case 'bytes': {
        if (places.bytes.length >= PLACES_MAX) throw new Refused('is too long, or repeats too much');
        const place = places.bytes.push(node.bytes) - 1;
        places.next.push([]);
        return { canBeEmpty: false, first: [place], last: [place] };
      }
      case 'all':
        return join(node.of.map(build));
      case 'one': {
        const parts = node.of.map(build);
        const firsts = parts.map(({ first }) => first.map((place) => places.bytes[place]!));
        if (firsts.some((some, index) => firsts.slice(index + 1).some((others) => doMeet(some, others))))
          choose();
        return {
          canBeEmpty: parts.some(({ canBeEmpty }) => canBeEmpty),
          first: parts.flatMap(({ first }) => first),
          last: parts.flatMap(({ last }) => last),
        };
      }
      case 'many':
        return repeat(node);
    }
  };
  let choices = 0;
  const choose = (): void => {
    if (++choices > CHOICES_MAX) throw new Refused('has too many optional parts and alternatives');
  };
  const repeat = ({ of, min, max }: Node & { is: 'many' }): Part => {
    const isEndless = max > (of.is === 'bytes' ? REPEATS_MAX : VARIED_REPEATS_MAX);
    if (min < max && !isEndless) choose();
    const copies = Math.min(isEndless ? Math.max(1, min) : max, REPEATS_MAX);
    const parts: Part[] = [];
    for (let copy = 0; copy < copies; copy++) {
      const part = build(of);
      const isOptional = copy >= min;
      parts.push(isOptional ? { ...part, canBeEmpty: true } : part);
    }
    const last = parts.at(-1);
    if (isEndless && last !== undefined) link(last.last, last.first);
    return join(parts);
  };
  build(root);
  return places;
}

const doMeet = (some: Bytes[], others: Bytes[]): boolean =>
  some.some((one) => others.some((other) => one.some((isIn, byte) => isIn + other[byte]! === 2)));

function ambiguityIn({ bytes, next }: Places): string | null {
  const size = bytes.length;
  const loops = loopsOf(next);
  const meets = Array.from({ length: size }, () => new Uint8Array(size));
  for (let a = 0; a < size; a++) {
    for (let b = 0; b < size; b++)
      meets[a]![b] = Number(bytes[a]!.some((one, byte) => one + bytes[b]![byte]! === 2));
  }
  let steps = 0;
  const step = (): void => {
    if (++steps > STEPS_MAX) throw new Refused('is too complex to check');
  };
  const inside = new Set([...loops].flatMap((of, place) => (of >= 0 ? [place] : [])));
  const exponential = 'can match the same text in several ways within a repetition, as (a+)+ does';
  for (const place of inside) {
    const within = next[place]!.filter((to) => loops[to] === loops[place]);
    if (new Set(within).size < within.length) return exponential;
    // Two ways that separate here and join again within one loop.
    if (reaches([place, place], [place, place], true)) return exponential;
  }
  for (const first of inside) {
    for (const second of inside) {
      if (loops[first] === loops[second]) continue;
      if (reaches([first, first, second], [first, second, second], false)) {
        return 'has two repetitions that can match the same text, as in .*=.*';
      }
    }
  }
  return null;

  /** Whether one text leads from each place of `from` to its place in `to`; if `parts`, by different ways. */
  function reaches(from: number[], to: number[], parts: boolean): boolean {
    const seen = new Set<string>();
    const queue: { at: number[]; hasParted: boolean }[] = [{ at: from, hasParted: false }];
    for (let item = queue.pop(); item !== undefined; item = queue.pop()) {
      for (const at of together(item.at)) {
        step();
        const hasParted = item.hasParted || at.some((place) => place !== at[0]);
        if ((hasParted || !parts) && at.every((place, index) => place === to[index])) return true;
        const name = `${at.join()},${hasParted}`;
        if (seen.has(name)) continue;
        seen.add(name);
        queue.push({ at, hasParted });
      }
    }
    return false;
  }

  /** The places that the given places can reach with the same byte. */
  function together(at: number[]): number[][] {
    let found: number[][] = [[]];
    for (const place of at) {
      found = found.flatMap((before) =>
        [...new Set(next[place]!)]
          .filter((to) => before.every((other) => meets[other]![to] === 1))
          .map((to) => [...before, to]),
      );
    }
    return found;
  }
}

/**
 * For each place the number of its loop: places that can reach each other. -1 if a place cannot reach itself.
 */
function loopsOf(next: number[][]): Int32Array {
  const size = next.length;
  const reach = Array.from({ length: size }, (_, from) => {
    const seen = new Uint8Array(size);
    const queue = [from];
    for (let at = queue.pop(); at !== undefined; at = queue.pop()) {
      for (const to of next[at]!) {
        if (seen[to] === 1) continue;
        seen[to] = 1;
        queue.push(to);
      }
    }
    return seen;
  });
  const loops = new Int32Array(size).fill(-1);
  for (let a = 0; a < size; a++) {
    for (let b = 0; b <= a && loops[a]! < 0; b++) if (reach[a]![b] === 1 && reach[b]![a] === 1) loops[a] = b;
  }
  return loops;
}
