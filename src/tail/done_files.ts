import { limits } from '../base/limits.ts';
import type { ReadPoint } from './file_cursor.ts';
import { type FilePlace, isInFolder } from './generation.ts';
import { type FileIdentity, type Pin, sameFile } from './pins.ts';

/** A file that was read to its end, and that somebody may still write to, rename, or bring back. */
export interface DoneFile {
  pin: Pin;
  /** Its number in the log. */
  number: number;
  /** Where its next byte would be; null for a copy, of which nothing is read. */
  point: ReadPoint | null;
  /** Whether it has a name of the log in the folder. */
  isInFolder: boolean;
  /** It was written to since, and has no name any more: it is read on once nothing else waits. */
  hasRest?: boolean;
}

/**
 * The files that a log is done with, and that still have a name somewhere: their pins keep their inodes from
 * being used again, and no byte of them is read twice, whatever they are called next. Oldest first.
 */
export class DoneFiles {
  private list: DoneFile[] = [];

  get all(): readonly DoneFile[] {
    return this.list;
  }

  find(file: FileIdentity): DoneFile | undefined {
    return this.list.find(({ pin }) => sameFile(pin, file));
  }

  add(done: DoneFile): void {
    this.list.push(done);
  }

  remove(done: DoneFile): void {
    this.list = this.list.filter((one) => one !== done);
  }

  /** Whether one of them has no name in the folder. */
  get isSomeOut(): boolean {
    return this.list.some((done) => !done.isInFolder);
  }

  /**
   * Notes which of them are in the folder.
   * @param isNameless whether a file had no name when it was looked for
   * @returns the pins of those that nobody can bring back, and of the oldest outside of the folder past the
   * limit
   */
  place(
    placeOf: (pin: Pin) => FilePlace,
    isNameless: (pin: Pin) => boolean,
  ): { nowhere: Pin[]; forgotten: Pin[] } {
    if (this.list.length === 0) return { nowhere: [], forgotten: [] };
    for (const done of this.list) done.isInFolder = isInFolder(placeOf(done.pin));
    const nowhere = this.list.filter((done) => !done.isInFolder && !done.hasRest && isNameless(done.pin));
    const out = this.list.filter((done) => !done.isInFolder && !nowhere.includes(done));
    const forgotten = out.slice(0, Math.max(0, out.length - limits.tail.files_remembered_max));
    this.list = this.list.filter((done) => !nowhere.includes(done) && !forgotten.includes(done));
    const pinsOf = (some: DoneFile[]): Pin[] => some.map(({ pin }) => pin);
    return { nowhere: pinsOf(nowhere), forgotten: pinsOf(forgotten) };
  }
}
