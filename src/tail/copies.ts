import { limits } from '../base/limits.ts';
import { type FilePlace, type Generation, isInFolder } from './generation.ts';
import { type FileIdentity, type Pin, readAt, sameFile, statOf } from './pins.ts';

export interface Copy {
  pin: Pin;
  /** The pin of its original; null if that is not known: it is that of a file that was the newest one. */
  of: Pin | null;
  /**
   * When it lost its name, milliseconds of the monotonic clock; its original may still be truncated after
   * that.
   */
  gone_at_ms: number | null;
}

/**
 * Files that appeared behind a log's newest file while that one kept its name: somebody copied them from it,
 * and may truncate it next. Oldest first.
 */
export class Copies {
  private list: Copy[] = [];

  get count(): number {
    return this.list.length;
  }

  /** The copies without a name in the folder. */
  get nameless(): Pin[] {
    return this.list.filter(({ gone_at_ms }) => gone_at_ms !== null).map(({ pin }) => pin);
  }

  get pins(): Pin[] {
    return this.list.map(({ pin }) => pin);
  }

  /** Whether the first file is a copy of the second one. */
  isCopy(file: FileIdentity, of: Pin): boolean {
    return this.list.some((copy) => copy.of === of && sameFile(copy.pin, file));
  }

  add(copy: Copy): void {
    this.list.push(copy);
  }

  find(file: FileIdentity): Pin | undefined {
    return this.list.find(({ pin }) => sameFile(pin, file))?.pin;
  }

  /** Removes those that nothing holds any more. */
  takeLost(isHeld: (pin: Pin) => boolean): Pin[] {
    const lost = this.list.filter(({ pin }) => !isHeld(pin));
    this.list = this.list.filter((copy) => !lost.includes(copy));
    return lost.map(({ pin }) => pin);
  }

  /** Notes which of them still have a name. */
  place(placeOf: (pin: Pin) => FilePlace): void {
    for (const copy of this.list) {
      if (isInFolder(placeOf(copy.pin))) copy.gone_at_ms = null;
      else copy.gone_at_ms ??= performance.now();
    }
  }

  /** The oldest one that may be a copy of the file. @param isNewest whether no file came after it */
  firstOf(pin: Pin, isNewest: boolean): Copy | undefined {
    return this.list.find(({ of }) => of === pin || (of === null && isNewest));
  }

  /**
   * Removes the copies of what `original` held before it was truncated.
   * @param isNewest whether no file came after it
   * @param known how many copies there were before the truncation was found
   * @returns no `copies` if it was truncated in place; `stale` copies are of something else, and must not be
   * taken for copies of what the file holds now
   */
  takeFor(original: Generation, isNewest: boolean, known: number): { copies: Copy[]; stale: Pin[] } {
    const isOf = ({ of }: Copy): boolean => of === original.pin || (of === null && isNewest);
    const first = this.list.findIndex((copy) => {
      if (isOf(copy) && original.isUnread) return true;
      return (isOf(copy) || copy.of === null) && original.isCopiedBy(copy.pin);
    });
    const stale = this.list.slice(0, first < 0 ? known : first).filter(isOf);
    const copies =
      first < 0 ? [] : this.list.slice(first).filter((copy) => isOf(copy) || copy === this.list[first]);
    this.list = this.list.filter((copy) => !stale.includes(copy) && !copies.includes(copy));
    return { copies, stale: stale.map(({ pin }) => pin) };
  }

  /** Removes those without a name whose original was read to its end since, and was not truncated. */
  takeNeedless(original: Generation | undefined): Pin[] {
    if (this.list.length === 0) return [];
    const read_at_ms = original === undefined ? Number.POSITIVE_INFINITY : original.drained_at_ms;
    const needless = this.list.filter(({ gone_at_ms }) => gone_at_ms !== null && gone_at_ms < read_at_ms);
    this.list = this.list.filter((copy) => !needless.includes(copy));
    return needless.map(({ pin }) => pin);
  }
}

/** So much of both ends is compared. */
const COMPARED_BYTES = limits.parse.line_bytes_max;

/**
 * Whether one file holds what another one begins with, so that it is a copy of it, perhaps not a complete
 * one. A copy is born after its original.
 */
export function isCopyOf(pin: Pin, original: Pin): boolean {
  const hasBirths = pin.born !== '0' && original.born !== '0';
  if (hasBirths && BigInt(pin.born) < BigInt(original.born)) return false;
  const { size } = statOf(pin);
  if (size === 0 || size > statOf(original).size) return false;
  const isSame = (from: number): boolean =>
    readAt(pin, from, COMPARED_BYTES).equals(readAt(original, from, Math.min(COMPARED_BYTES, size - from)));
  return isSame(0) && isSame(Math.max(0, size - COMPARED_BYTES));
}
