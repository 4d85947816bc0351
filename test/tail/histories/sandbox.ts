import { basename, join } from 'node:path';
import { real } from '../../support/simulated_agent.ts';

/** In each history. */
export const SANDBOXES = 2;
/** Old files of a chain that stay. */
export const KEEP = 3;

export interface Stream {
  bytes: Buffer;
  isTruncated: boolean;
  /** It was truncated or written over when an agent had seen all of it, and need not have read it. */
  isOnlySeen?: true;
  /** At its end a file came and went that no agent can have seen. */
  hasLost: boolean;
  /** Nobody can show that no such file was there: no agent watched at its end, or events were lost. */
  isUnwatched: boolean;
}

/** What one sandbox's console must be found to hold, and its files. */
export class Sandbox {
  readonly id: string;
  readonly folder: string;
  readonly path: string;
  streams: Stream[] = [];
  /** What its file held before it was truncated; null when it was not. */
  truncated: Buffer | null = null;
  /** Its file was truncated without a copy or to a hole, or written over. */
  wasCut = false;
  /** Where files ended, counted in all that was written: a line that a file does not end has its end there. */
  readonly fileEnds = new Set<number>();
  /** Its console was made anew in the same folder: a rotation before the next look would be taken for its end. */
  isReplaced = false;
  /** When that was. Events of the same turn may be of the file before it, or of this one. */
  replaced_ms = 0;
  /** Copied and truncated, whatever an agent had seen of it. */
  hasUnseenCopy = false;
  /** Its folder was moved, and will be back. */
  isAway = false;
  /** NULs at the end of its file that its writer will write over. */
  spare_bytes = 0;
  /** A writer that started over in its file, and has not passed the former content, without spare NULs, yet. */
  over: { at: number; former: Buffer; life: unknown } | null = null;
  /**
   * Such a writer has passed it, and went on over spare NULs. An agent that comes later may not know that the former
   * content did not go on: then a gap row tells of all of it.
   */
  hasPassedRoom = false;
  /**
   * Where such a writer ended behind former content, counted in all that was written, and how many bytes before that
   * are as in the former content: nobody can tell that they were written. Before the next
   * writer came, the agent may have called the end unsure, as a flush does: then more may be missing. Of a truncation
   * a gap row tells anyway.
   */
  readonly alike: Alike[] = [];

  private readonly holds: (path: string) => boolean;

  /** @param holds whether an agent has seen the file at this path, and keeps it whatever happens */
  constructor(vms: string, id: string, holds: (path: string) => boolean) {
    this.id = id;
    this.holds = holds;
    this.folder = join(vms, id);
    this.path = join(this.folder, 'console.log');
  }

  get isThere(): boolean {
    return real.existsSync(this.folder);
  }

  get last(): Stream {
    return this.streams.at(-1)!;
  }

  begin(bytes: Buffer): void {
    this.endFile();
    this.streams.push({ bytes, isTruncated: false, hasLost: false, isUnwatched: false });
  }

  append(bytes: Buffer): void {
    this.last.bytes = Buffer.concat([this.last.bytes, bytes]);
  }

  get written(): number {
    return this.streams.reduce((sum, { bytes }) => sum + bytes.length, 0);
  }

  /** Whether these bytes would make the file look as if it had gone on. */
  wouldGoOn(bytes: Buffer): boolean {
    const { over, truncated } = this;
    if (over !== null) {
      // NULs behind it may be room.
      const ends = [bytes.length, withoutNuls(bytes).length].map((length) => over.at + length);
      return ends.some((end) => Math.abs(end - over.former.length) <= 1);
    }
    return truncated !== null && goesOn(truncated, Buffer.concat([this.content, bytes]));
  }

  /** Nothing more comes into the file. */
  endFile(): void {
    this.fileEnds.add(this.written);
    const { over, hasPassedRoom } = this;
    this.over = null;
    this.hasPassedRoom = false;
    if (over === null && !hasPassedRoom) return;
    const { isTruncated } = this.last;
    const { at, former } = over ?? { at: 0, former: Buffer.alloc(0) };
    const now = real.readFileSync(this.path);
    let bytes = 0;
    while (bytes < at && now[at - bytes - 1] === former[at - bytes - 1]) bytes++;
    this.alike.push({ end: this.written, bytes, isUnsure: false, isTruncated, former, at });
  }

  /** What its file holds, without spare NULs. */
  get content(): Buffer {
    const bytes = real.readFileSync(this.path);
    return bytes.subarray(0, bytes.length - this.spare_bytes);
  }

  /** Nobody writes over the spare NULs any more: they are content, unless former content is before them. */
  leave(): void {
    if (this.over === null) this.append(Buffer.alloc(this.spare_bytes));
    this.spare_bytes = 0;
  }

  private name(age: number): string {
    return age === 0 ? this.path : `${this.path}.${age}`;
  }

  private isHeld(age: number): boolean {
    return this.holds(this.name(age));
  }

  get isHeldWhole(): boolean {
    return Array.from({ length: KEEP + 1 }, (_, age) => age).every(
      (age) => !real.existsSync(this.name(age)) || this.isHeld(age),
    );
  }

  /** Whether a rotation takes nothing away that nobody has seen, and leaves something of what was seen. */
  get canMoveOn(): boolean {
    if (this.isReplaced && !this.isHeld(0)) return false;
    return !real.existsSync(this.name(KEEP)) || (this.isHeld(KEEP) && this.isHeld(KEEP - 1));
  }

  /** @returns the names that came or went */
  moveOn(): string[] {
    this.endFile();
    const names: string[] = [];
    if (real.existsSync(this.name(KEEP))) names.push(this.name(KEEP));
    real.rmSync(this.name(KEEP), { force: true });
    for (let age = KEEP - 1; age >= 1; age--) {
      if (!real.existsSync(this.name(age))) continue;
      real.renameSync(this.name(age), this.name(age + 1));
      names.push(this.name(age), this.name(age + 1));
    }
    return names.map((name) => basename(name));
  }
}

interface Alike {
  end: number;
  bytes: number;
  isUnsure: boolean;
  isTruncated: boolean;
  /** Where in its file the writer ended, and what that held before. */
  at: number;
  former: Buffer;
}

/** The bytes without the NULs at their end, which are no content before the end of a file. */
export function withoutNuls(bytes: Buffer): Buffer {
  let end = bytes.length;
  while (end > 0 && bytes[end - 1] === 0) end--;
  return bytes.subarray(0, end);
}

/** All of a file that is not longer is compared at once, in a history of this length. */
const COMPARED = 131_072;

/**
 * Whether a file that held `before` and now holds `after` looks as if it had gone on: as long, and the same before the
 * old end. Nobody can tell, so it is left out; also if it is just as long, for a writer that started over may have left
 * any part of its end.
 */
export const goesOn = (before: Buffer, after: Buffer): boolean => {
  if (after.length === before.length) return true;
  const from = before.length <= COMPARED ? 0 : before.length - 512;
  return after.length >= before.length && after.subarray(from, before.length).equals(before.subarray(from));
};
