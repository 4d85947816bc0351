import type { BigIntStats, Dirent } from 'node:fs';
import { join } from 'node:path';
import { reasonOf } from '../base/errors.ts';
import type { OpenFolder } from '../base/open_folder.ts';
import type { AsideRoom } from './aside.ts';
import { lookAtChain } from './chain.ts';
import { afterEvents } from './event_queue.ts';
import type { Account } from './fair_shares.ts';
import { isForeign, mayHoldForeign } from './foreign.ts';
import type { Generation } from './generation.ts';
import type { WatchedFolder } from './last_sight.ts';
import { chainPlace, type Layout } from './layout.ts';
import { LogNames } from './log_names.ts';
import { LogTail, type NamedPin, type TailOwner } from './log_tail.ts';
import {
  type ChainName,
  type FileIdentity,
  identityOf,
  type Pin,
  type Pins,
  sameFile,
  shortIdentity,
} from './pins.ts';
import { isSameRoot, type Root } from './root.ts';
import type { NameKind } from './rotation_names.ts';
import type { Sink } from './sink.ts';
import type { WatchFolder } from './watch.ts';

/** No rotator that we know names an old file so: it may be somebody's copy. */
const UNKNOWN_ROTATION = 'a file beside the log, under a name that no rotation gives';
interface Failing {
  path: string;
  error: Error;
}
const NOTHING: readonly Failing[] = [];

const NO_NAMES = new LogNames();

/** Reports of a sandbox's folder to the tailer. */
export interface SandboxEvents {
  /** The log has, or may have, bytes to read. */
  readable(tail: LogTail): void;
  /** A look at the folder, or at one of its logs, failed, perhaps for a while; the next look tries again. */
  failed(path: string, error: Error): void;
  /** The look after it did not. */
  works(path: string): void;
  /** Files that could come back are not known any more. */
  forgot(what: string): void;
  /** The folder of sandboxes as it is now. @throws the system's error */
  root(): Root;
  /** An entry with the name of a log is no file. */
  strange(path: string, what: string): void;
}

/** The folder of one sandbox, and its logs. It is watched, and looked at whenever a name in it changes. */
export class SandboxFolder implements TailOwner {
  readonly id: string;
  /** Its path, for messages. */
  readonly folder: string;
  readonly tails = new Map<string, LogTail>();
  isGone = false;
  /** The user who owned its folder when it was seen first; null before that. */
  owner: number | null = null;
  /** Why the last look could not see everything; empty if it could. */
  failure = '';
  /** What failed at the last look. */
  failing: readonly Failing[] = NOTHING;
  private isClosed = false;
  /** All pins were there, or were made again, since the folder of pins was renewed so often. */
  private checked: number;
  /** Where the sandboxes were when its folder was seen last; null before that. */
  private seenIn: Root | null = null;
  /** Entries with the name of a log that are no files, as of the last look. */
  strange = 0;
  readonly room: AsideRoom;
  readonly account: Account = { cost: 0 };
  /** A name of a log came or went since the last look at a folder that was there. */
  private hasLostNames = false;
  private identity: FileIdentity | null = null;
  private watched: WatchedFolder | null = null;
  private readonly layout: Layout;
  private readonly pins: Pins;
  private readonly sink: Sink;
  private readonly events: SandboxEvents;
  private readonly watchFolder: WatchFolder;

  constructor(
    id: string,
    layout: Layout,
    pins: Pins,
    sink: Sink,
    room: AsideRoom,
    events: SandboxEvents,
    watchFolder: WatchFolder,
  ) {
    this.room = room;
    this.id = id;
    this.layout = layout;
    this.folder = layout.folderOf(id);
    this.pins = pins;
    this.checked = pins.renewals;
    this.sink = sink;
    this.events = events;
    this.watchFolder = watchFolder;
  }

  tail(log: string): LogTail {
    let tail = this.tails.get(log);
    if (tail === undefined) {
      tail = new LogTail(this.id, log, this.sink, this);
      this.tails.set(log, tail);
    }
    return tail;
  }

  rename(
    { log, folder }: LogTail,
    { pin, number, isAfterGap, copyOf = null }: NamedPin,
    stream: string,
  ): void {
    this.pins.name(pin, { sandbox: this.id, log, stream, generation: number, isAfterGap, folder, copyOf });
  }

  forgot({ log }: LogTail, files: number): void {
    this.events.forgot(`${files} files of the ${log} log of ${this.folder}`);
  }

  makeAside({ log }: LogTail, of: Generation, from: number): Pin {
    return this.pins.makeAside(this.id, log, of, from);
  }

  renumberAside(pin: Pin, number: number): void {
    this.pins.renumberAside(pin, number);
  }

  /**
   * Pins this file of a log under any name that it has in the folder.
   * @param isSeenIn whether a file holds what was read of this one: inode numbers may have changed where they
   * do not last, as on FUSE
   * @param isDone nothing kept its inode from being used again: without a birth time only its content tells
   * @returns null if it has no name @throws the system's error
   */
  seek(log: string, file: FileIdentity, isSeenIn: (pin: Pin) => boolean, isDone: boolean): Pin | null {
    let folder: OpenFolder | null = null;
    try {
      folder = this.layout.open(this.id);
      if (folder === null) return null;
      const names = this.names(folder).get(log)?.chain ?? [];
      const isIt = (pin: FileIdentity): boolean => sameFile(pin, file);
      const found = isDone && file.born === '0' ? null : this.pinFirst(log, folder, names, isIt, isIt);
      if (found !== null || file.born !== '0') return found;
      return this.pinFirst(log, folder, names, () => true, isSeenIn);
    } finally {
      folder?.close();
    }
  }

  /** Pins the first file that may be it, and is it. */
  private pinFirst(
    log: string,
    folder: OpenFolder,
    names: ChainName[],
    mayBeIt: (file: FileIdentity) => boolean,
    isIt: (pin: Pin) => boolean,
  ): Pin | null {
    for (const name of names) {
      const stats = folder.lstat(name.name);
      if (!stats?.isFile() || !mayBeIt(identityOf(stats))) continue;
      const pin = this.pins.take(this.id, log, folder, name);
      if (pin !== null && isIt(pin)) return pin;
      if (pin !== null) this.pins.release(pin);
    }
    return null;
  }

  /** Watches first and looks afterwards, so that no change in between goes unseen. */
  look(): void {
    if (this.isClosed) return;
    const before = this.failing;
    this.failing = NOTHING;
    this.failure = '';
    const { renewals } = this.pins;
    let folder: OpenFolder | null = null;
    try {
      folder = this.enter();
      this.lookIn(folder);
      if (this.failure === '') this.checked = renewals;
    } catch (error) {
      this.failed(this.folder, error as Error);
    } finally {
      folder?.close();
    }
    for (const { path } of before)
      if (!this.failing.some((other) => other.path === path)) this.events.works(path);
  }

  lookFor({ log }: LogTail): Error | null {
    this.look();
    const paths = [this.folder, this.pathOf(log)];
    return this.failing.find(({ path }) => paths.includes(path))?.error ?? null;
  }

  /** A log in messages. */
  private pathOf(log: string): string {
    return `${this.folder} (${log})`;
  }

  private lookIn(folder: OpenFolder | null): void {
    for (const tail of this.tails.values()) this.lookAtLog(tail.log, () => tail.mustBeRecovered());
    const names = this.names(folder);
    let isStill = true;
    for (const log of new Set([...this.tails.keys(), ...names.keys()])) {
      const tail = this.tail(log);
      const lookAt = (): void => {
        if (!this.lookAt(tail, folder, names.get(log) ?? NO_NAMES)) isStill = false;
      };
      if (tail.isRecovered) this.lookAtLog(log, lookAt);
    }
    if (folder !== null && isStill) this.hasLostNames = false;
  }

  /** One log that cannot be pinned does not stop the others. */
  private lookAtLog(log: string, look: () => void): void {
    try {
      look();
    } catch (error) {
      this.tails.get(log)?.looked(null);
      this.failed(this.pathOf(log), error as Error);
    }
  }

  private failed(path: string, error: Error): void {
    this.failure = reasonOf(error);
    this.complain(path, error);
  }

  private complain(path: string, error: Error): void {
    this.failing = [...this.failing, { path, error }];
    this.events.failed(path, error);
  }

  /** @returns whether the chain and the folder stood still meanwhile */
  private lookAt(tail: LogTail, open: OpenFolder | null, names: LogNames): boolean {
    // The list of all logs serves the first look at each.
    let listed: LogNames | null = names;
    const list = (): LogNames => {
      const found = listed ?? this.names(open).get(tail.log) ?? NO_NAMES;
      listed = null;
      return found;
    };
    const folder = {
      open,
      identity: this.identity && shortIdentity(this.identity),
      isStill: () => this.isStill(),
      watched: this.watched,
      hasLostNames: this.hasLostNames,
      mayHaveLostPins: this.checked !== this.pins.renewals,
    };
    if (folder.mayHaveLostPins) tail.files.dropLost((pin) => this.pins.holds(pin));
    const { isStill, hasNews } = lookAtChain(tail, folder, list, this.pins);
    if (!isStill) setImmediate(() => this.look());
    if (hasNews) this.events.readable(tail);
    return isStill;
  }

  /** Opens the folder, for one look, and watches it. @returns null if it is gone */
  private enter(): OpenFolder | null {
    const folder = this.open();
    const wasGone = this.isGone;
    // Its watch stays: events of its end may still be on their way.
    if (folder === null) {
      if (this.isHiddenIn(this.events.root())) {
        // No more events come from there if its file system was unmounted.
        this.unwatch(true);
        throw new Error('another file system lies over it, or its own is not mounted');
      }
      this.isGone = true;
      return null;
    }
    this.isGone = false;
    this.seenIn = this.events.root();
    const identity = identityOf(folder.stats);
    // A watch belongs to the folder that was there when it began.
    if (wasGone || (this.identity !== null && !sameFile(this.identity, identity))) this.unwatch();
    this.identity = identity;
    this.owner ??= Number(folder.stats.uid);
    try {
      this.watched ??= this.watchIt(folder);
      return folder;
    } catch (error) {
      if (!['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) {
        // The look sees all that is there now; the next one watches again.
        this.complain(`${this.folder} (its events)`, error as Error);
        return folder;
      }
      folder.close();
      this.isGone = true; // deleted meanwhile
      return null;
    }
  }

  private open(): OpenFolder | null {
    try {
      return this.layout.open(this.id);
    } catch (error) {
      // If its file system has failed, no event comes from there any more, even if it is mounted again.
      this.unwatch(true);
      throw error;
    }
  }

  private watchIt(folder: OpenFolder): WatchedFolder {
    const watched: WatchedFolder = { watch: null };
    watched.watch = this.watchFolder(
      this.folder,
      (name, renamed) => this.changed(watched, name, renamed),
      folder.through,
    );
    return watched;
  }

  /**
   * Whether the folder is still the one that `enter` found; else its files may be those of another life.
   */
  private isStill(): boolean {
    const folder = this.layout.open(this.id);
    if (folder === null) return this.isGone;
    folder.close();
    return !this.isGone && this.identity !== null && sameFile(this.identity, identityOf(folder.stats));
  }

  /** Names of each log in the folder. */
  private names(folder: OpenFolder | null): Map<string, LogNames> {
    this.strange = 0;
    if (folder === null) this.lookForLink();
    const entries = folder?.list() ?? [];
    const logs = new Map<string, LogNames>();
    for (const entry of entries) {
      const { name } = entry;
      const place = chainPlace(name);
      if (place === null) continue;
      const { log, kind } = place;
      if (kind === 'strange') {
        if (entry.isFile() && !this.isHeld(folder!, log, name)) this.leaveAlone(name, UNKNOWN_ROTATION);
        continue;
      }
      if (!entry.isFile()) {
        this.leaveAlone(name, kindOf(entry));
        continue;
      }
      let own = logs.get(log);
      if (own === undefined) {
        own = new LogNames();
        logs.set(log, own);
      }
      own.add(name, kind);
    }
    for (const [log, own] of logs) {
      if (mayHoldForeign(folder!.stats)) own.keep((name) => this.isOwn(folder!, log, name));
      own.sort((name) => timeOf(folder!.lstat(name)));
    }
    return logs;
  }

  private leaveAlone(name: string, what: string): void {
    this.strange++;
    this.events.strange(join(this.folder, name), what);
  }

  private isHeld(folder: OpenFolder, log: string, name: string): boolean {
    const stats = folder.lstat(name);
    return stats !== undefined && this.tails.get(log)?.files.holds(identityOf(stats)) === true;
  }

  /** Whether a name of a chain is not that of a file that somebody linked from elsewhere. The pins decide. */
  private isOwn(folder: OpenFolder, log: string, name: string): boolean {
    const stats = folder.lstat(name);
    if (stats === undefined) return false;
    // Our own pins are names, too.
    if (this.tails.get(log)?.files.holds(identityOf(stats)) || !isForeign(stats, folder.stats, 1))
      return true;
    this.leaveAlone(name, 'a hard link to a file of another user');
    return false;
  }

  /** A link where the folder should be could lead anywhere on the host, so it is not followed. */
  private lookForLink(): void {
    const link = this.layout.linkTo(this.id);
    if (link === null) return;
    this.strange++;
    this.events.strange(link, 'a symbolic link');
  }

  private changed(watched: WatchedFolder, name: string | null, renamed: boolean): void {
    const place = name === null ? null : chainPlace(name);
    const tail = place === null ? undefined : this.tails.get(place.log);
    if (renamed && typeof place?.kind === 'object') {
      tail?.sights.cameOrWent(name!, watched);
      if (watched === this.watched) this.hasLostNames = true;
    }
    // The last events of a folder that is gone; the folder above tells of another one in its place.
    if (this.isGone || watched !== this.watched) return;
    if (renamed || name === null || (place !== null && tail === undefined)) this.look();
    else if (tail !== undefined && this.mayBeDone(tail, place!.kind)) this.look();
    else if (tail !== undefined) this.events.readable(tail);
  }

  /** Whether the file of this name, to which somebody wrote, may be one that was read to its end. */
  private mayBeDone({ files: { first, done } }: LogTail, kind: NameKind): boolean {
    if (done.all.length === 0 || typeof kind !== 'object') return false;
    return first === undefined || (kind.scheme !== 'live' && first.place === 'live');
  }

  /** @param isBlind whether something may happen there before it is watched again */
  private unwatch(isBlind = false): void {
    const { watched } = this;
    this.watched = null;
    if (watched === null) return;
    const { watch } = watched;
    if (isBlind) watched.watch = null;
    afterEvents(() => watch?.close());
  }

  /** Whether it was seen in another file system than the one that is there now. */
  isHiddenIn(now: Root): boolean {
    return this.seenIn !== null && !isSameRoot(this.seenIn, now);
  }

  hasPin(pin: Pin): boolean {
    this.pins.check();
    return this.pins.holds(pin);
  }

  /** A pin is not there any more: the next look makes it again, if it can. */
  lookForPins(): void {
    this.checked = -1;
  }

  /** Whether nothing of the sandbox is left: no folder, no bytes to read, no state to keep. */
  get isOver(): boolean {
    return (
      this.isGone && !this.pins.hasDoubt(this.id) && [...this.tails.values()].every((tail) => tail.isOver)
    );
  }

  /** Whether nothing is kept but what its files held, in case that they come back. */
  get isMemory(): boolean {
    const left = [...this.tails.values()].filter((tail) => !tail.isOver);
    return this.isGone && left.length > 0 && left.every((tail) => tail.isMemory);
  }

  /** Whether it never had a log: no file of one was seen, and no state or pin is known. */
  get hasNothing(): boolean {
    return this.tails.size === 0 && !this.pins.hasDoubt(this.id);
  }

  close(): void {
    this.isClosed = true;
    this.watched?.watch?.close();
    this.watched = null;
  }
}

function kindOf(entry: Dirent): string {
  if (entry.isSymbolicLink()) return 'a symbolic link';
  if (entry.isDirectory()) return 'a folder';
  if (entry.isFIFO()) return 'a FIFO';
  return entry.isSocket() ? 'a socket' : 'a device';
}

/** When a file was born, or last written where the file system does not keep that; nanoseconds. */
const timeOf = (stats: BigIntStats | undefined): bigint => stats?.birthtimeNs || stats?.mtimeNs || 0n;
