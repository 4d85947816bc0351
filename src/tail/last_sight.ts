import type { Span } from './event_queue.ts';
import { type FileIdentity, sameFile } from './pins.ts';
import type { Watch } from './watch.ts';

/** The watch of one folder. A folder that is made anew has another one. */
export interface WatchedFolder {
  /** Null until the watch is in place. */
  watch: Watch | null;
}

/**
 * The last look that saw the newest file of a log, and what came and went in the folder since. If the file is
 * gone, only the events of its folder can show that no other file came after it and went unseen.
 */
export class LastSight {
  private file: FileIdentity;
  private names: readonly string[] | null = null;
  private folder: WatchedFolder | null = null;
  private from_ms: number;
  private blindBefore: Span | null = null;
  /** The first look that did not see the file, and the names that it saw. */
  private missed: { names: readonly string[]; at_ms: number } | null = null;
  /** How often each name came or went since. Null: never, as nearly always. */
  private events: Map<string, number> | null = null;

  /** A file that an earlier agent saw; nobody watched since `from_ms`. */
  constructor(file: FileIdentity, from_ms: number) {
    this.file = file;
    this.from_ms = from_ms;
  }

  isOf(file: FileIdentity): boolean {
    return sameFile(this.file, file);
  }

  isIn(folder: WatchedFolder | null): boolean {
    return this.folder === folder;
  }

  /** A look saw these names, and `file` as the newest one; the watch was in place before. */
  renew(file: FileIdentity, names: readonly string[], folder: WatchedFolder | null): void {
    this.file = file;
    if (names.join('/') !== this.names?.join('/')) this.names = names;
    this.folder = folder;
    this.from_ms = Date.now();
    this.blindBefore = folder?.watch?.blind?.() ?? null;
    this.missed = null;
    this.events = null;
  }

  /** A look saw these names, and not the file. */
  miss(names: readonly string[]): void {
    this.missed = { names, at_ms: this.missed?.at_ms ?? Date.now() };
  }

  /** A name came or went in a folder. */
  note(name: string, folder: WatchedFolder): void {
    if (folder !== this.folder) return;
    this.events ??= new Map();
    this.events.set(name, (this.events.get(name) ?? 0) + 1);
  }

  /** From the look that saw the file to the one that missed it. The host clock may have been set back. */
  get span(): Span {
    const to_ms = this.missed?.at_ms ?? Date.now();
    return { from_ms: Math.min(this.from_ms, to_ms), to_ms };
  }

  /**
   * When a file may have come and gone unseen. The events from before the look that missed the file count, so
   * they must have been delivered.
   * @param isElsewhere whether the file still has a name, in another folder
   * @returns null if none did
   */
  unwatched(isElsewhere: () => boolean): Span | null {
    const { names, folder, missed, span } = this;
    if (names === null || folder?.watch == null) return span;
    const blind = folder.watch.blind?.() ?? null;
    if (blind !== this.blindBefore) return blind;
    // No file goes without an event, unless its whole folder was moved. Else the watch has ended.
    const hasGone = this.events?.has(names.at(-1)!) ?? false;
    if (folder.watch.tellsNames && !hasGone && !isElsewhere()) return span;
    for (const [name, count] of this.events ?? []) {
      // One event when a file that was seen goes, one when a file that is seen comes, and two more for each
      // that came and went unseen. (One event may be of something that the look had seen already.)
      const ofSeen = Number(names.includes(name)) + Number(missed?.names.includes(name) ?? false);
      if (count >= ofSeen + 2) return span;
    }
    return null;
  }
}

const moment = (ms: number): string => new Date(ms).toISOString();

/** The reason of a gap row. */
export const nobodyWatched = ({ from_ms, to_ms }: Span): string =>
  `nobody watched from ${moment(from_ms)} to ${moment(to_ms)}: bytes of files that came and went meanwhile, if any, are lost`;
