/** Room for sets of one line; a line that needed much more gives it back. */
const WORDS_SPARE = 16_384;

/** Sets of places of an automaton, as bits, with a number each. Set 0 is empty: nothing follows a line. */
export class PlaceSets {
  /** Words of 32 bits that a set takes. */
  private readonly width: number;
  /** For each place the places before it. */
  private readonly before: Int32Array[];
  /** Places that need none behind them. */
  private readonly last: Int32Array;
  private readonly followed: Int32Array;
  private readonly result: Int32Array;
  private words: Int32Array;
  private size = 0;
  /** Numbers of sets by a hash of their bits, plus 1; 0 is free. */
  private slots = new Int32Array(64);

  /**
   * @param next for each place those that can follow
   * @param isLast whether a place needs none behind it
   */
  constructor(next: number[][], isLast: (place: number) => boolean) {
    this.width = Math.ceil(next.length / 32);
    this.before = next.map(() => new Int32Array(this.width));
    next.forEach((some, place) => {
      for (const then of some) this.before[then]![place >> 5]! |= 1 << (place & 31);
    });
    this.last = this.of(isLast);
    this.followed = new Int32Array(this.width);
    this.result = new Int32Array(this.width);
    this.words = new Int32Array(this.width * 64);
    this.index(this.add(this.of(() => false)));
  }

  of(isIn: (place: number) => boolean): Int32Array {
    const set = new Int32Array(this.width);
    for (let place = 0; place < this.before.length; place++) {
      if (isIn(place)) set[place >> 5]! |= 1 << (place & 31);
    }
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

  /** Calls back with `left` for each of several lists of allowed places. */
  eachLeft(set: number, allowed: Int32Array[], found: (left: Int32Array, index: number) => void): void {
    this.follow(set);
    for (let index = 0; index < allowed.length; index++) found(this.meet(allowed[index]!), index);
  }

  private follow(set: number): void {
    const { width, words, before, followed, last } = this;
    followed.set(last);
    for (let word = 0; word < width; word++) {
      for (let bits = words[set * width + word]!; bits !== 0; bits &= bits - 1) {
        const some = before[(word << 5) + 31 - Math.clz32(bits & -bits)]!;
        for (let index = 0; index < width; index++) followed[index]! |= some[index]!;
      }
    }
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
