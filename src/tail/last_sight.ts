import { afterEvents, type Span } from './event_queue.ts';
import { type FileIdentity, sameFile } from './pins.ts';
import type { Watch } from './watch.ts';

type Counts = Map<string, number>;

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
  /** The file that each of the names had. */
  private files: readonly FileIdentity[] = [];
  private folder: WatchedFolder | null = null;
  private from_ms: number;
  private blindBefore: Span | null = null;
  /** The first look that did not see the file, and the names that it saw. */
  private missed: { names: readonly string[]; at_ms: number } | null = null;
  /** How often each name came or went since. Null: never, as nearly always. */
  private events: Counts | null = null;
  /** So many of these events, at most, are of what the look had seen already. */
  private late: Counts | null = null;

  /** A file that an earlier agent saw; nobody watched since `from_ms`. */
  constructor(file: FileIdentity, from_ms: number) {
    this.file = file;
    this.from_ms = from_ms;
  }

  /** Another file has followed; a look that sees it renews this. */
  static after(before: LastSight, file: FileIdentity): LastSight {
    const { names, files, folder, events, late } = before;
    return Object.assign(new LastSight(file, Date.now()), { names, files, folder, events, late });
  }

  isOf(file: FileIdentity): boolean {
    return sameFile(this.file, file);
  }

  isIn(folder: WatchedFolder | null): boolean {
    return this.folder === folder;
  }

  /** A look saw these names and their files, the newest one last; the watch was in place before. */
  renew(files: readonly FileIdentity[], names: readonly string[], folder: WatchedFolder | null): void {
    this.late = folder === this.folder ? this.stillToCome(files, names) : null;
    if (this.late !== null) this.expectLate(this.late);
    this.file = files.at(-1)!;
    this.files = files;
    if (names.join('/') !== this.names?.join('/')) this.names = names;
    this.folder = folder;
    this.from_ms = Date.now();
    this.blindBefore = folder?.watch?.blind?.() ?? null;
    this.missed = null;
    this.events = null;
  }

  /** A look may see a rotation before its events are delivered: so many did not come yet. */
  private stillToCome(files: readonly FileIdentity[], names: readonly string[]): Counts | null {
    const { names: before, files: filesBefore, late } = this;
    if (before === null || (late === null && isSameList(files, filesBefore))) return null;
    const all = new Map<string, number>();
    for (const name of new Set([...before, ...names, ...(late?.keys() ?? [])])) {
      const was = filesBefore[before.indexOf(name)];
      const is = files[names.indexOf(name)];
      const isSame = was !== undefined && is !== undefined && sameFile(was, is);
      const changes = isSame ? 0 : Number(was !== undefined) + Number(is !== undefined);
      const count = countOf(late, name) + changes - countOf(this.events, name);
      if (count > 0) all.set(name, count);
    }
    return all.size > 0 ? all : null;
  }

  /** Events that are in the queue now are delivered first: those that are not there then never come. */
  private expectLate(late: Counts): void {
    afterEvents(() => {
      if (this.late !== late) return;
      for (const [name, count] of late) late.set(name, Math.min(count, countOf(this.events, name)));
    });
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
    const newest = names.at(-1)!;
    const hasGone = countOf(this.events, newest) > countOf(this.late, newest);
    if (folder.watch.tellsNames && !hasGone && !isElsewhere()) return span;
    for (const [name, count] of this.events ?? []) {
      // One event when a file that was seen goes, one when a file that is seen comes, and two more for each
      // that came and went unseen. (One event may be of something that the look had seen already.)
      const ofSeen = Number(names.includes(name)) + Number(missed?.names.includes(name) ?? false);
      if (count - countOf(this.late, name) >= ofSeen + 2) return span;
    }
    return null;
  }
}

const isSameList = (some: readonly FileIdentity[], others: readonly FileIdentity[]): boolean =>
  some.length === others.length && some.every((one, index) => sameFile(one, others[index]!));

const countOf = (counts: Counts | null, name: string): number => counts?.get(name) ?? 0;

const moment = (ms: number): string => new Date(ms).toISOString();

/** The reason of a gap row. */
export const nobodyWatched = ({ from_ms, to_ms }: Span): string =>
  `nobody watched from ${moment(from_ms)} to ${moment(to_ms)}: bytes of files that came and went meanwhile, if any, are lost`;
