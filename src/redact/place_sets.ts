/** Room for sets of one line; a line that needed much more gives it back. */
const WORDS_SPARE = 16_384;

/** Sets of places of an automaton, as bits, with a number each. Set 0 is empty: nothing follows a line. */
export class PlaceSets {
  /** Steps that the last `left` took. */
  steps = 0;
  /** Words of 32 bits that a set takes. */
  private readonly width: number;
  /** For each place the places before it: their numbers, or as bits if that is shorter. */
  private readonly before: Int32Array[];
  private readonly isBits: Uint8Array;
  private readonly last: Int32Array;
  private readonly followed: Int32Array;
  private readonly result: Int32Array;
  private words: Int32Array;
  private size = 0;
  /** Numbers of sets by a hash of their bits, plus 1; 0 is free. */
  private slots = new Int32Array(64);

  /**
   * @param next for each place those that can follow
   * @param last the places that need none behind them
   */
  constructor(next: number[][], last: number[]) {
    this.width = Math.ceil(next.length / 32);
    const before: number[][] = next.map(() => []);
    next.forEach((some, place) => {
      for (const then of some) before[then]!.push(place);
    });
    this.isBits = Uint8Array.from(before, (some) => Number(some.length > this.width));
    this.before = before.map((some, place) =>
      this.isBits[place] === 1 ? this.bits(some) : Int32Array.from(some),
    );
    this.last = this.bits(last);
    this.followed = new Int32Array(this.width);
    this.result = new Int32Array(this.width);
    this.words = new Int32Array(this.width * 64);
    this.index(this.add(this.bits([])));
  }

  get bytesEach(): number {
    return this.width * 4;
  }

  bits(places: number[]): Int32Array {
    const set = new Int32Array(this.width);
    for (const place of places) set[place >> 5]! |= 1 << (place & 31);
    return set;
  }

  has(set: number, place: number): boolean {
    return ((this.words[set * this.width + (place >> 5)]! >> (place & 31)) & 1) === 1;
  }

  sizeOf(set: number): number {
    let size = 0;
    for (let word = set * this.width; word < (set + 1) * this.width; word++) {
      for (let bits = this.words[word]!; bits !== 0; bits &= bits - 1) size++;
    }
    return size;
  }

  /** The allowed places that a place of the set can follow. Valid until the next call. */
  left(set: number, allowed: Int32Array): Int32Array {
    this.follow(set);
    return this.meet(allowed);
  }

  /** The same, without places that need none behind them. */
  reaching(set: number, allowed: Int32Array): Int32Array {
    this.follow(set, false);
    return this.meet(allowed);
  }

  /** Calls back with `left` for each of several lists of allowed places. */
  eachLeft(set: number, allowed: Int32Array[], found: (left: Int32Array, index: number) => void): void {
    this.follow(set);
    for (let index = 0; index < allowed.length; index++) found(this.meet(allowed[index]!), index);
  }

  private follow(set: number, withLast = true): void {
    const { width, words, before, isBits, followed } = this;
    if (withLast) followed.set(this.last);
    else followed.fill(0);
    let steps = width;
    const first = set * width;
    for (let word = 0; word < width; word++) {
      for (let bits = words[first + word]!; bits !== 0; bits &= bits - 1) {
        const place = (word << 5) + 31 - Math.clz32(bits & -bits);
        const some = before[place]!;
        if (isBits[place] === 1) for (let index = 0; index < width; index++) followed[index]! |= some[index]!;
        else
          for (let index = 0; index < some.length; index++)
            followed[some[index]! >> 5]! |= 1 << (some[index]! & 31);
        steps += some.length;
      }
    }
    this.steps = steps;
  }

  private meet(allowed: Int32Array): Int32Array {
    const { followed, result } = this;
    for (let index = 0; index < result.length; index++) result[index] = followed[index]! & allowed[index]!;
    return result;
  }

  /** The number of a set; -1 if it has none. */
  find(set: Int32Array): number {
    return this.slots[this.slotOf(set)]! - 1;
  }

  /** Gives a set the next number. */
  add(set: Int32Array): number {
    const at = this.size * this.width;
    if (at + this.width > this.words.length) {
      const more = new Int32Array(this.words.length * 2);
      more.set(this.words);
      this.words = more;
    }
    this.words.set(set, at);
    return this.size++;
  }

  /** Forgets the sets from a number on, which `find` does not know. */
  forget(from: number): void {
    if (this.size === from) return;
    this.size = from;
    const room = from * this.width + WORDS_SPARE;
    if (this.words.length > 2 * room) this.words = this.words.slice(0, room);
  }

  /**
   * Keeps the sets that can occur in a line; if there are more than `most`, those with the fewest places.
   * They get the first numbers, those that `isSpecial` behind the others.
   * @returns how many there are, and the first special one
   */
  choose(allowed: Int32Array[], most: number, isSpecial: (set: number) => boolean): [number, number] {
    const bySize: number[][] = [[0]];
    const [usual, special]: Int32Array[][] = [[], []];
    for (let size = 0; size < bySize.length && usual!.length + special!.length < most; ) {
      const set = bySize[size]!.shift();
      if (set === undefined) {
        size++;
        continue;
      }
      const list = isSpecial(set) ? special! : usual!;
      list.push(this.words.slice(set * this.width, (set + 1) * this.width));
      this.eachLeft(set, allowed, (left) => {
        if (this.find(left) >= 0) return;
        const to = this.add(left);
        this.index(to);
        const places = this.sizeOf(to);
        while (bySize.length <= places) bySize.push([]);
        bySize[places]!.push(to);
        size = Math.min(size, places);
      });
    }
    this.size = 0;
    this.slots.fill(0);
    for (const set of [...usual!, ...special!]) this.index(this.add(set));
    return [this.size, usual!.length];
  }

  /** Lets `find` know a set. */
  private index(set: number): void {
    const { words, width, slots } = this;
    if (set * 2 >= slots.length) {
      this.slots = new Int32Array(slots.length * 2);
      for (let one = 0; one < set; one++) this.index(one);
    }
    this.slots[this.slotOf(words.subarray(set * width, (set + 1) * width))] = set + 1;
  }

  /** The slot of a set, or a free one for it. */
  private slotOf(set: Int32Array): number {
    const { width, words, slots } = this;
    let hash = 0;
    for (let index = 0; index < width; index++)
      hash = Math.imul(hash ^ set[index]!, 0x9e37_79b1) ^ (hash >>> 15);
    for (let slot = (hash ^ (hash >>> 16)) & (slots.length - 1); ; slot = (slot + 1) & (slots.length - 1)) {
      const number = slots[slot]! - 1;
      if (number < 0) return slot;
      let index = 0;
      while (index < width && words[number * width + index] === set[index]) index++;
      if (index === width) return slot;
    }
  }
}
