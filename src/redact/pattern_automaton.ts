/**
 * Makes an automaton of a pattern. Its states ("places") are the characters of the pattern, and besides:
 *
 * - a start, which stands on the byte before a match, or on the start of the line;
 * - a look, which stands on the byte behind a match, or on the end of the line, and takes any byte there.
 *
 * Where a pattern has assertions such as \b, places are split by the kind of their byte, so that each
 * assertion is decided here, once, and costs nothing in a line.
 */
import { limits } from '../base/limits.ts';
import { type Assertion, type Bytes, bytesOf, isWordByte, type Node, Refused } from './pattern_syntax.ts';

/** What stands at a position of a line beside the 256 bytes. */
export const symbol = {
  lineStart: 256,
  /** The line begins before the bytes at hand. */
  cutStart: 257,
  lineEnd: 258,
  /** The line goes on behind the bytes at hand. */
  cutEnd: 259,
} as const;
export const SYMBOLS = 260;

export interface Automaton {
  /** 1 for each symbol that the place stands on. */
  symbols: Uint8Array[];
  /** The places that can follow. The first that leads to a match counts, as in a search by backtracking. */
  next: number[][];
  /** Places from here on are looks. */
  looks: number;
  /** Places from here on are starts. */
  starts: number;
}

/** Parts of a pattern of all sorts, for each of its places. */
const PARTS_EACH = 4;
/** Visits of parts that find what can follow what. */
const VISITS_MAX = 2_000_000;

function tooLarge(): Refused {
  const { places_max } = limits.redact;
  return new Refused(
    `is too large: with its repetitions written out it may have ${places_max} characters; shorten its ` +
      'repetitions, or split it into several',
  );
}

/** A pattern as steps of a search by backtracking, with each step's continuations in the order of tries. */
type Part =
  | { is: 'byte'; bytes: Bytes; to: number }
  | { is: 'at'; what: Assertion; to: number }
  | { is: 'try'; to: number[] }
  /** A repetition that has matched no byte between `enter` and `leave` does not count, as in JavaScript. */
  | { is: 'enter'; to: number }
  | { is: 'leave'; of: number; to: number }
  | { is: 'match' };

/** @throws Refused if the automaton would be too large */
export function automatonOf(root: Node): Automaton {
  const parts = partsOf(root);
  const hasAssertions = parts.some(({ is }) => is === 'at');
  const before: Kind[] = hasAssertions ? ['word', 'other', 'edge'] : ['any'];
  const kinds = before.filter((kind) => kind !== 'edge');
  const chars = parts.flatMap((part, at) =>
    part.is === 'byte'
      ? kinds.flatMap((kind) => {
          const symbols = meet(symbolsOf(kind, 'inside'), part.bytes);
          return symbols.includes(1) ? [{ at, kind, symbols, to: part.to }] : [];
        })
      : [],
  );
  const looks = chars.length;
  const starts = looks + before.length;
  const placesOfPart = new Map<number, number>();
  for (const [place, { at, kind }] of chars.entries()) placesOfPart.set(at * 4 + kindNumber(kind), place);
  const left = { visits: VISITS_MAX };
  const followers = (part: number, kind: Kind): number[] =>
    before.flatMap((then, index) =>
      reached(parts, part, kind, then, left)
        .map((to) =>
          parts[to]!.is === 'match' ? looks + index : placesOfPart.get(to * 4 + kindNumber(then)),
        )
        .filter((place) => place !== undefined),
    );
  return {
    symbols: [
      ...chars.map(({ symbols }) => symbols),
      ...before.map((kind) => symbolsOf(kind, 'behind')),
      ...before.map((kind) => symbolsOf(kind, 'before')),
    ],
    next: [
      ...chars.map(({ to, kind }) => followers(to, kind)),
      ...before.map(() => []),
      ...before.map((kind) => followers(parts.length - 1, kind)),
    ],
    looks,
    starts,
  };
}

/** Kinds of neighbors that assertions tell apart: a byte of a word, another, the edge of the line. */
type Kind = 'any' | 'word' | 'other' | 'edge';

const kindNumber = (kind: Kind): number => ['any', 'word', 'other', 'edge'].indexOf(kind);

/** The symbols of a kind that can stand inside of a match, before it or behind it. */
function symbolsOf(kind: Kind, where: 'inside' | 'before' | 'behind'): Uint8Array {
  const set = new Uint8Array(SYMBOLS);
  set.set(
    bytesOf(
      (b) => kind === 'any' || (kind === 'word' && isWordByte(b)) || (kind === 'other' && !isWordByte(b)),
    ),
  );
  if (where === 'inside') return set;
  const [edge, cut] =
    where === 'before' ? [symbol.lineStart, symbol.cutStart] : [symbol.lineEnd, symbol.cutEnd];
  if (kind === 'edge' || kind === 'any') set[edge] = 1;
  if (kind === 'other' || kind === 'any') set[cut] = 1;
  return set;
}

const meet = (symbols: Uint8Array, bytes: Bytes): Uint8Array =>
  symbols.map((isIn, index) => isIn & (bytes[index] ?? 0));

function holds(what: Assertion, before: Kind, behind: Kind): boolean {
  switch (what) {
    case 'line start':
      return before === 'edge';
    case 'line end':
      return behind === 'edge';
    case 'word edge':
      return (before === 'word') !== (behind === 'word');
    case 'no word edge':
      return (before === 'word') === (behind === 'word');
  }
}

/** The bytes and the match that `from` reaches between neighbors of these kinds, in the order of tries. */
function reached(
  parts: Part[],
  from: number,
  before: Kind,
  behind: Kind,
  left: { visits: number },
): number[] {
  const found = new Set<number>();
  const seen = new Set<number>();
  const entered = new Set<number>();
  // The next part is the last one; a negative number leaves what was entered.
  const open = [from];
  for (let at = open.pop(); at !== undefined; at = open.pop()) {
    if (at < 0) {
      entered.delete(~at);
      continue;
    }
    // What was entered are the innermost of the repetitions around this part, so their number tells which.
    const name = at * parts.length + entered.size;
    if (seen.has(name)) continue;
    seen.add(name);
    if (--left.visits < 0) throw tooLarge();
    const part = parts[at]!;
    if (part.is === 'byte' || part.is === 'match') found.add(at);
    else if (part.is === 'try') for (const to of part.to.toReversed()) open.push(to);
    else if (part.is === 'enter') {
      entered.add(at);
      open.push(~at, part.to);
    } else if (part.is === 'leave' ? !entered.has(part.of) : holds(part.what, before, behind))
      open.push(part.to);
  }
  return [...found];
}

function canBeEmpty(node: Node): boolean {
  switch (node.is) {
    case 'bytes':
      return false;
    case 'at':
      return true;
    case 'all':
      return node.of.every(canBeEmpty);
    case 'one':
      return node.of.some(canBeEmpty);
    case 'many':
      return node.min === 0 || canBeEmpty(node.of);
  }
}

/** The parts of a pattern; the last one is its first step. */
function partsOf(root: Node): Part[] {
  const { places_max } = limits.redact;
  const parts: Part[] = [];
  let places = 0;
  const add = (part: Part): number => {
    if (part.is === 'byte') places++;
    if (places > places_max || parts.length >= PARTS_EACH * places_max) throw tooLarge();
    return parts.push(part) - 1;
  };
  /** @returns the first step of a node that continues with step `to` */
  const build = (node: Node, to: number): number => {
    switch (node.is) {
      case 'bytes':
        return add({ is: 'byte', bytes: node.bytes, to });
      case 'at':
        return add({ is: 'at', what: node.what, to });
      case 'all':
        return node.of.reduceRight((then, one) => build(one, then), to);
      case 'one':
        return add({ is: 'try', to: node.of.map((one) => build(one, to)) });
      case 'many':
        return repeat(node, to);
    }
  };
  const choice = (isGreedy: boolean, again: number, to: number): number[] =>
    isGreedy ? [again, to] : [to, again];
  /** One more time, which does not count if it matches no byte. */
  const once = (node: Node, to: number): number => {
    if (!canBeEmpty(node)) return build(node, to);
    const leave: Part = { is: 'leave', of: 0, to };
    const body = build(node, add(leave));
    leave.of = add({ is: 'enter', to: body });
    return leave.of;
  };
  const repeat = ({ of, min, max, isGreedy }: Node & { is: 'many' }, to: number): number => {
    let first = to;
    let written = 0;
    if (max === Number.POSITIVE_INFINITY) {
      const loop: Part = { is: 'try', to: [] };
      first = add(loop);
      const again = once(of, first);
      loop.to = choice(isGreedy, again, to);
      // The loop's own part also stands for the last of those that must be there.
      if (min > 0 && !canBeEmpty(of)) [first, written] = [again, 1];
    } else {
      for (let count = min; count < max; count++) {
        first = add({ is: 'try', to: choice(isGreedy, once(of, first), to) });
      }
    }
    for (; written < min; written++) {
      const then = build(of, first);
      // A node without bytes adds nothing, however often.
      if (then === first) break;
      first = then;
    }
    return first;
  };
  const first = build(root, add({ is: 'match' }));
  add({ is: 'try', to: [first] });
  return parts;
}
