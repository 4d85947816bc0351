/**
 * Finds the matches of a pattern in a line in linear time. A pass from the right notes for each byte which
 * places of the automaton can stand there and lead to a match. A match is then read from the left without
 * any search: of the places that can follow, the first that was noted is the one that a search by
 * backtracking would end with.
 *
 * The sets of places at a byte are numbered, and a table gives the set to the left of each. The table is made
 * once, from the pattern alone, and has a greatest size. Sets that it lacks are computed where they occur,
 * place by place, in steps that are counted. Their number depends on the pattern and the line, not on the
 * lines before it.
 */
import { limits } from '../base/limits.ts';
import { type Automaton, automatonOf, SYMBOLS, symbol } from './pattern_automaton.ts';
import { neededText, readPattern } from './pattern_syntax.ts';
import { PlaceSets } from './place_sets.ts';

/** Entry for a set that the table lacks. */
const LACKS = -1;

export class PatternMatcher {
  /** Each match contains this text; '' if it is not known. */
  readonly needs: string;
  /** Steps that the last line took beside the look-ups. */
  steps = 0;
  private readonly automaton: Automaton;
  private readonly starts: number[];
  /** A symbol of each class: symbols of one class are the same to all places. */
  private readonly classes: number[] = [];
  private readonly classOfSymbol = new Uint16Array(SYMBOLS);
  /** The same for bytes alone, whose classes are below 256. */
  private readonly classOf: Uint8Array;
  /** Classes of a set in the table are 2 to the power of this apart. */
  private readonly shift: number;
  private readonly sets: PlaceSets;
  /** Places that each class of symbols allows. */
  private readonly allowed: Int32Array[];
  /** Rows of the sets. An entry is the place of a row, so that a byte costs an addition and a look-up. */
  private readonly table: Int32Array;
  /** Rows from here on may be of sets that have a start: a match begins to the right of their byte. */
  private readonly beginning: number;
  /** The row of the set at each byte of the line at hand, after that of the set before the line. */
  private rows = new Int32Array(256);

  readonly pattern: string;

  /** @throws Refused */
  constructor(pattern: string) {
    this.pattern = pattern;
    const root = readPattern(pattern);
    this.needs = neededText(root);
    this.automaton = automatonOf(root);
    const { symbols, next, looks, starts } = this.automaton;
    this.starts = symbols.flatMap((_, place) => (place < starts ? [] : [place]));
    this.classify(symbols);
    this.classOf = Uint8Array.from(this.classOfSymbol.subarray(0, 256));
    this.shift = Math.ceil(Math.log2(this.classes.length));
    this.sets = new PlaceSets(
      next,
      symbols.flatMap((_, place) => (place >= looks && place < starts ? [place] : [])),
    );
    this.allowed = this.classes.map((one) =>
      this.sets.bits(symbols.flatMap((set, place) => (set[one] === 1 ? [place] : []))),
    );
    const hasStart = (set: number): boolean => this.starts.some((place) => this.sets.has(set, place));
    const { table_entries_max, table_sets_bytes_max } = limits.redact;
    const most = Math.min(table_entries_max >> this.shift, table_sets_bytes_max / this.sets.bytesEach);
    const [size, first] = this.sets.choose(this.allowed, most, hasStart);
    this.beginning = first << this.shift;
    this.table = this.tableOf(size);
  }

  /** Sets in the table. */
  get size(): number {
    return this.table.length >> this.shift;
  }

  /**
   * Looks for the matches that start in bytes[start, until), from left to right, each behind the one before.
   * @param end of the bytes that a match may have; they have no newline
   * @param isCut whether the line begins before `start`, and whether it goes on behind `end`
   * @param stepsMax steps beside the look-ups
   * @returns whether that was enough; else what was found so far is not all
   */
  find(
    bytes: Uint8Array,
    { start, until, end, isCut }: { start: number; until: number; end: number; isCut: [boolean, boolean] },
    stepsMax: number,
    found: (from: number, to: number) => void,
  ): boolean {
    this.steps = 0;
    const hasMatch = this.note(bytes, start, end, isCut, stepsMax);
    for (let from = start; hasMatch && from < until; ) {
      const place = this.startAt(from - start);
      if (place < 0) {
        from++;
        continue;
      }
      const to = this.walk(start, from, place, stepsMax);
      if (to < 0) break;
      if (to > from) found(from, to);
      from = Math.max(to, from + 1);
    }
    this.sets.forget(this.size);
    return this.steps <= stepsMax;
  }

  /**
   * The first offset where a match may begin that bytes behind `bytes` would complete, or make longer; their
   * end if there is none, `start` if that takes too many steps.
   * @param isCut whether the line begins before `start`
   */
  openFrom(bytes: Uint8Array, start: number, isCut: boolean, stepsMax: number): number {
    const { sets, starts, automaton, allowed, classOf, classOfSymbol } = this;
    this.steps = 0;
    let open = bytes.length;
    // Any byte may follow.
    let set = sets.add(sets.bits(Array.from({ length: automaton.starts }, (_, place) => place)));
    for (let at = bytes.length - 1; at >= start - 1; at--) {
      const edge = isCut ? symbol.cutStart : symbol.lineStart;
      const left = sets.reaching(set, allowed[at < start ? classOfSymbol[edge]! : classOf[bytes[at]!]!]!);
      this.steps += sets.steps;
      if (this.steps > stepsMax) open = start;
      if (open === start || left.every((bits) => bits === 0)) break;
      const known = sets.find(left);
      set = known >= 0 ? known : sets.add(left);
      if (starts.some((place) => sets.has(set, place))) open = at + 1;
    }
    sets.forget(this.size);
    return open;
  }

  /** Notes the set at each byte. @returns whether there may be a match */
  private note(
    bytes: Uint8Array,
    start: number,
    end: number,
    isCut: [boolean, boolean],
    stepsMax: number,
  ): boolean {
    const { classOf, classOfSymbol, table, beginning } = this;
    const offset = 1 - start;
    if (this.rows.length < end + offset + 1) this.rows = new Int32Array(end + offset + 1024);
    const { rows } = this;
    let row = this.left(0, classOfSymbol[isCut[1] ? symbol.cutEnd : symbol.lineEnd]!);
    rows[end + offset] = row;
    let most = 0;
    for (let at = end - 1; at >= start; at--) {
      if (row < table.length) {
        // The loop that costs.
        for (; at >= start; at--) {
          const to = table[row + classOf[bytes[at]!]!]!;
          if (to < 0) break;
          row = to;
          rows[at + offset] = row;
          if (row > most) most = row;
        }
        if (at < start) break;
      }
      row = this.left(row, classOf[bytes[at]!]!);
      rows[at + offset] = row;
      if (row > most) most = row;
      if (this.steps > stepsMax) return false;
    }
    rows[0] = this.left(row, classOfSymbol[isCut[0] ? symbol.cutStart : symbol.lineStart]!);
    return Math.max(most, rows[0]!) >= beginning && this.steps <= stepsMax;
  }

  /** The row of the set to the left of the one with this row, at a symbol of this class. */
  private left(row: number, one: number): number {
    const entry = row < this.table.length ? this.table[row + one]! : LACKS;
    if (entry !== LACKS) return entry;
    const { sets, shift } = this;
    const left = sets.left(row >> shift, this.allowed[one]!);
    this.steps += sets.steps;
    const known = sets.find(left);
    return (known >= 0 ? known : sets.add(left)) << shift;
  }

  /** The start of the matches behind a byte; -1 if there is none. */
  private startAt(index: number): number {
    const row = this.rows[index]!;
    if (row < this.beginning) return -1;
    for (const place of this.starts) if (this.sets.has(row >> this.shift, place)) return place;
    return -1;
  }

  /** Reads the match that starts at a byte. @returns its end; -1 if it needs too many steps */
  private walk(start: number, from: number, before: number, stepsMax: number): number {
    const { sets, rows, shift } = this;
    const { next, looks } = this.automaton;
    let place = before;
    for (let at = from; ; at++) {
      const set = rows[at + 1 - start]! >> shift;
      const some = next[place]!;
      let index = 0;
      while (!sets.has(set, some[index]!)) index++;
      this.steps += index;
      if (this.steps > stepsMax) return -1;
      place = some[index]!;
      if (place >= looks) return at;
    }
  }

  private classify(symbols: Uint8Array[]): void {
    const numbers = new Map<string, number>();
    for (let one = 0; one < SYMBOLS; one++) {
      const name = symbols.map((set) => set[one]).join('');
      if (!numbers.has(name)) numbers.set(name, this.classes.push(one) - 1);
      this.classOfSymbol[one] = numbers.get(name)!;
    }
  }

  private tableOf(size: number): Int32Array {
    const table = new Int32Array(size << this.shift).fill(LACKS);
    for (let set = 0; set < size; set++) {
      this.sets.eachLeft(set, this.allowed, (left, one) => {
        const known = this.sets.find(left);
        if (known >= 0) table[(set << this.shift) + one] = known << this.shift;
      });
    }
    return table;
  }
}
