import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { AfterlogError, isRefused, reasonOf } from '../base/errors.ts';
import { report, Trouble, Troubles } from '../base/faults.ts';
import { limits } from '../base/limits.ts';
import { isSandboxId, wrongWithId } from '../base/sandbox_id.ts';
import { compareRoom } from './content_check.ts';
import { afterEvents } from './event_queue.ts';
import type { Account } from './fair_shares.ts';
import { HeldFiles } from './held.ts';
import { type Layout, layoutOf } from './layout.ts';
import { guard, read } from './log_reader.ts';
import { LogTail } from './log_tail.ts';
import { Logless } from './logless.ts';
import type { FoundPin, Pins } from './pins.ts';
import { Places } from './places.ts';
import { Presence } from './presence.ts';
import { ReadFailure } from './read_failure.ts';
import { recoverTail, type Seek, type Sought } from './recover.ts';
import { nobody, retire } from './retire.ts';
import { type Root, seeRoot } from './root.ts';
import { type SandboxEvents, SandboxFolder } from './sandbox_folder.ts';
import type { Sink } from './sink.ts';
import type { TailState } from './tail_state.ts';
import { eventQueue, type Watch, type WatchFolder, watchFolder } from './watch.ts';

/** How long reading may hold the thread before directory events get their turn: a sandbox may live 10 ms. */
const TURN_MS = 4;
/** Between two visits of the tails that are not settled. */
const visit_ms = (): number => limits.tail.quiet_ms / 4;
const holeBytesPerVisit = (): number => (limits.tail.hole_bytes_per_s * visit_ms()) / 1_000;
/** Sandboxes that one reconcile looks at, in turn: 10,000 quiet ones must cost next to nothing. */
const RECONCILE_SANDBOXES_MAX = 100;
/** The root is listed again after so many reconciles, even if its modification time is the same. */
const RELIST_RECONCILES = 30;
/** A log with its sums in this much memory has blocks of some use, however many logs there are. */
const SUMS_BYTES_MIN = 512;
const sumsBytesOf = (logs: number): number => Math.max(SUMS_BYTES_MIN, limits.tail.sums_bytes_max / logs);
/** Between two checks whether all of a sandbox is read. */
const DRAIN_LOOK_MS = 10;
/** Complaints that are remembered, so that each is logged once. */
const REPORTED_MAX = 1_000;

/** A sandbox's logs, and why some of their bytes are not read. */
export interface Drained {
  tails: LogTail[];
  unread: string[];
}

export interface TailCounts {
  logs: number;
  /** Logs whose last read the system refused. */
  logs_unreadable: number;
  /** Entries with the name of a log that are no files, and links where a sandbox's folder should be. */
  files_strange: number;
  /** Files that wait until the one before them in their log is read. */
  files_waiting: number;
}

/**
 * Finds sandboxes, holds their logs and reads them in turn. Directory events make it fast; a reconcile each
 * second finds what events missed.
 */
export class Tailer {
  readonly sandboxes = new Map<string, SandboxFolder>();
  /** Set while nothing may be read, because the spool takes nothing. */
  isPaused = false;
  lastError: string | null = null;
  /** Files that only our pins keep. */
  readonly held: HeldFiles;
  /** Sandboxes over the limit, as of the last look at the root. */
  leftOut = new Set<string>();
  /** Sealed sandboxes whose files may come back, oldest first. */
  private readonly memories = new Set<SandboxFolder>();
  /** Names in the root that are not looked at yet. */
  private readonly newcomers = new Set<string>();
  /** When looking at them must end, so that others have a turn; 0 before it begins. */
  private turnEnds_ms = 0;
  private readonly places = new Places();
  private readonly logless = new Logless();
  private readonly presence: Presence;
  /** Since the root was listed. */
  private hasFreedPlace = false;
  /** Names in the root that are links, as of the last look at it. */
  private readonly strangeNames = new Set<string>();
  private readonly events: SandboxEvents = {
    readable: (tail) => this.wake(tail),
    failed: (path, error) => this.report(path, error),
    root: () => this.lookAtRoot(),
    works: (path) => this.failing.ends(path, `${path} is read again.`),
    forgot: (what) => this.forgot(what),
    strange: (path, what) =>
      this.complain(path, new AfterlogError('LOG_NOT_A_FILE', `${path} is ${what}: it is left alone.`)),
  };
  private readonly reported = new Set<string>();
  /** Of sandboxes and their logs: what cannot be read now. */
  private readonly failing = new Troubles();
  /** Tails whose last read or copy failed, the one that was tried longest ago first. */
  private readonly retried = new Set<LogTail>();
  private readonly rootTrouble: Trouble;
  private readonly layout: Layout;
  private readonly pins: Pins;
  private readonly sink: Sink;
  private readonly watchFolder: WatchFolder;
  private readonly chunk = Buffer.allocUnsafeSlow(limits.tail.read_chunk_bytes);
  private readonly readable = new Set<LogTail>();
  /** Tails of sandboxes whose share is on its way: they are read on when some of it is delivered. */
  private readonly heldBack = new Set<LogTail>();
  /** Sandboxes that somebody waits for: they are read past their share. */
  private readonly awaited = new Map<Account, number>();
  /** Tails that may have something to read once reading is resumed. */
  private readonly waiting = new Set<LogTail>();
  /**
   * Tails that were woken or read since the last visit, or that wait for their end or for a pin to be
   * unlinked.
   */
  private readonly unsettled = new Set<LogTail>();
  /** Tails whose last line has no end, and waits to be stored as far as it goes. */
  private readonly unfinished = new Set<LogTail>();
  /** The root folder's identity and time as last seen, and how many reconciles ago they changed. */
  private rootSeen = '';
  private rootUnchanged = 0;
  private rootWatch: Watch | null = null;
  private root: Root = { device: '', folder: '', changed: '' };
  private readonly hiddenTrouble = new Trouble('All sandboxes that are known are seen again.');
  /** How often the folder of pins was renewed when all sandboxes were looked at for it. */
  private pinsRenewals: number;
  /** Identity of the watched folder; another one may have taken its path. */
  private rootIdentity = '';
  private timers: NodeJS.Timeout[] = [];
  /** What may be read of holes until the next visit. */
  private hole_bytes_left = holeBytesPerVisit();
  private isScheduled = false;
  private isStopped = false;
  private rounds: Iterator<SandboxFolder> = [][Symbol.iterator]();

  constructor(
    dataDir: string,
    template: string,
    pins: Pins,
    sink: Sink,
    watch: WatchFolder = watchFolder,
    heldBytesMax: number = limits.held.bytes_max,
  ) {
    this.held = new HeldFiles(dataDir, heldBytesMax);
    this.presence = new Presence(join(dataDir, '.afterlog'));
    this.layout = layoutOf(dataDir, template);
    this.rootTrouble = new Trouble(`${this.layout.root} is there.`, { path: this.layout.root });
    this.pins = pins;
    this.pinsRenewals = pins.renewals;
    this.sink = sink;
    this.watchFolder = watch;
  }

  /** @throws AfterlogError DATA_DIR_MISSING */
  static requireDataDir(dataDir: string): void {
    if (existsSync(dataDir)) return;
    throw new AfterlogError('DATA_DIR_MISSING', `The data dir ${dataDir} does not exist.`);
  }

  /** Continues where an earlier agent ended, then looks at all folders. */
  start(states: Iterable<unknown>): void {
    const found = Map.groupBy(this.pins.list(), (pin) => `${pin.sandbox}/${pin.log}`);
    const known = new Map(
      [...(states as Iterable<TailState>)].map((state) => [`${state.sandbox}/${state.log}`, state]),
    );
    for (const key of new Set([...known.keys(), ...found.keys()])) {
      const state = known.get(key) ?? null;
      const pins = found.get(key) ?? [];
      const id = state?.sandbox ?? pins[0]!.sandbox;
      const log = state?.log ?? pins[0]!.log;
      if (!isSandboxId(id)) {
        this.retire(id, log, state, pins);
        continue;
      }
      const sandbox = this.sandbox(id);
      const tail = sandbox.tail(log);
      const sought: Sought = new Map();
      const seek: Seek = (file, isSeenIn, isDone) => sandbox.seek(tail.log, file, isSeenIn, isDone);
      tail.recoverLater(() => {
        recoverTail(tail, state, pins, seek, sought);
        tail.sights.foundAfter(tail.files, this.presence.before_ms);
      });
    }
    for (const sandbox of this.sandboxes.values()) {
      sandbox.look();
      this.places.take(sandbox.id, sandbox.owner);
      for (const tail of sandbox.tails.values()) this.wake(tail);
    }
    this.seeRoot();
    this.seeNewcomers(Number.POSITIVE_INFINITY);
    this.presence.beat(Date.now());
    this.timers.push(
      setInterval(() => this.reconcile(), limits.tail.reconcile_ms),
      setInterval(() => this.revisitUnsettled(), visit_ms()),
    );
  }

  private sandbox(id: string): SandboxFolder {
    const known = this.sandboxes.get(id);
    if (known) return known;
    const sandbox = new SandboxFolder(
      id,
      this.layout,
      this.pins,
      this.sink,
      this.held.room,
      this.events,
      this.watchFolder,
    );
    this.sandboxes.set(id, sandbox);
    return sandbox;
  }

  /** Ends a log that an earlier version read under an id that is none: its file may be anywhere. */
  private retire(id: string, log: string, state: TailState | null, pins: FoundPin[]): void {
    this.unsettled.add(retire(new LogTail(id, log, this.sink, nobody), state, pins));
    const what = `The ${log} log of '${id}', which an earlier version read, is not read any more: this is not an id.`;
    this.complain(id, new AfterlogError('ID_INVALID', what));
  }

  private watchRoot(): void {
    const { device, folder } = this.lookAtRoot();
    const identity = folder && `${device}:${folder}`;
    if (this.rootWatch !== null && identity === this.rootIdentity) return;
    this.rootWatch?.close();
    this.rootWatch = null;
    this.rootIdentity = identity;
    try {
      this.rootWatch = this.watchFolder(this.layout.root, (name) => {
        if (!name || !existsSync(this.layout.root)) this.discover();
        else this.newcomers.add(name);
        this.seeInTurn();
      });
      this.lastError = null;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      const what = `Waiting for ${this.layout.root}, which cannot be watched: ${reasonOf(error)}.`;
      this.rootTrouble.begins(new AfterlogError('DATA_DIR_MISSING', what));
      this.lastError = what;
    }
  }

  /**
   * Reads all that a sandbox's logs hold now, rotated and deleted files included. Ends when that is done, or
   * at the signal. A sandbox that was created a moment ago is looked for.
   * @returns null if this sandbox is not known (any more)
   */
  async drain(id: string, signal: AbortSignal): Promise<Drained | null> {
    const since_ms = performance.now();
    if (!this.sandboxes.has(id) && this.isListed(id)) this.see(id);
    const sandbox = this.sandboxes.get(id);
    if (sandbox === undefined) return null;
    const { account } = sandbox;
    this.awaited.set(account, (this.awaited.get(account) ?? 0) + 1);
    try {
      return await this.drainAll(sandbox, since_ms, signal);
    } finally {
      const others = this.awaited.get(account)! - 1;
      if (others > 0) this.awaited.set(account, others);
      else this.awaited.delete(account);
    }
  }

  private async drainAll(sandbox: SandboxFolder, since_ms: number, signal: AbortSignal): Promise<Drained> {
    for (;;) {
      sandbox.look();
      const tails = [...sandbox.tails.values()];
      const late = tails.filter((tail) => !tail.isDrained(since_ms));
      const unread = late.map(({ log, failure }) => `${log}: ${failure || 'not read yet'}`);
      if (sandbox.failure !== '') unread.push(sandbox.failure);
      if (unread.length === 0 || signal.aborted) return { tails, unread };
      for (const tail of late) this.wake(tail);
      await sleep(DRAIN_LOOK_MS);
    }
  }

  /**
   * Whether a listing of the root shows exactly this name. A file system may also find a folder under other
   * names, such as one in capitals; then its lines would be stored under each of them.
   */
  private isListed(id: string): boolean {
    if (!isSandboxId(id)) return false;
    try {
      return this.layout.has(id) && this.layout.list().includes(id);
    } catch {
      return false; // `discover` reports it.
    }
  }

  /** A listing of the root showed the name, or it came or went there. */
  private see(name: string): void {
    if (name.startsWith('.')) return;
    const wrong = wrongWithId(name);
    if (wrong !== null) {
      const path = join(this.layout.root, name);
      const what = `${path} is not read, because its name cannot be an id: ${wrong}.`;
      this.fail(path, new AfterlogError('ID_INVALID', what));
      return;
    }
    this.logless.isSeen(name);
    const isKnown = this.sandboxes.has(name);
    if (!isKnown && !this.places.hasRoom(() => this.ownerOf(name)) && !this.makeRoom(name)) {
      this.leaveOut(name);
      return;
    }
    this.leftOut.delete(name);
    const sandbox = this.sandbox(name);
    sandbox.look();
    if (!isKnown) {
      this.places.take(name, sandbox.owner);
      this.logless.met(sandbox);
    }
    if (this.dropIfOver(sandbox) && sandbox.strange > 0) this.strangeNames.add(name);
  }

  /** A folder that never had a log gives its place up. @returns whether there was one that makes room */
  private makeRoom(name: string): boolean {
    const owner = this.ownerOf(name);
    const oldest = this.logless.takeOldest(({ id, owner: own }) => {
      this.places.leave(id);
      if (this.places.hasRoom(() => owner)) return true;
      this.places.take(id, own);
      return false;
    });
    if (oldest !== null) this.drop(oldest);
    return oldest !== null;
  }

  /** Null if nobody owns the folder, or the owner cannot be read: the look at it then says why. */
  private ownerOf(name: string): number | null {
    try {
      return this.layout.ownerOf(name);
    } catch (error) {
      if (!isRefused(error)) throw error;
      return null;
    }
  }

  /** Looks at new names at once, because a sandbox may live 10 ms; thousands take turns with reading. */
  private seeInTurn(): void {
    if (this.turnEnds_ms === 0) {
      this.turnEnds_ms = performance.now() + TURN_MS;
      setImmediate(() => {
        this.turnEnds_ms = 0;
      });
    }
    this.seeNewcomers(this.turnEnds_ms);
    this.schedule();
  }

  private seeNewcomers(until_ms: number): void {
    for (const name of this.newcomers) {
      if (performance.now() > until_ms) return;
      this.newcomers.delete(name);
      this.see(name);
    }
  }

  private discover(): void {
    let names: string[] = [];
    try {
      names = this.layout.list();
    } catch (error) {
      this.rootWatch?.close();
      this.rootWatch = null;
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') {
        this.rootFailed(error);
        return;
      }
    }
    // While no place is free, nothing changes for those that are left out.
    const wait = this.hasFreedPlace ? new Set() : this.leftOut;
    this.leftOut = new Set(names.filter((name) => wait.has(name)));
    this.hasFreedPlace = false;
    this.strangeNames.clear();
    this.logless.keep(new Set(names));
    const isSettled = (name: string): boolean =>
      this.sandboxes.has(name) || this.leftOut.has(name) || this.logless.isOut(name);
    for (const name of names) if (!isSettled(name)) this.newcomers.add(name);
    this.seeInTurn();
  }

  private leaveOut(name: string): void {
    this.leftOut.add(name);
    const { sandboxes_max: max, owner_share } = limits.tail;
    const { root } = this.layout;
    const what = `${root} holds more than ${max} sandboxes, or more than ${max * owner_share} of one user.`;
    this.complain(root, new AfterlogError('SANDBOXES_TOO_MANY', what));
  }

  /** Looks without an event: at the root, and at some of the sandboxes in turn. */
  private reconcile(): void {
    this.isPresent();
    this.seeRoot();
    const some = Math.min(this.sandboxes.size, RECONCILE_SANDBOXES_MAX);
    for (let count = 0; count < some; count++) {
      let next = this.rounds.next();
      if (next.done) {
        this.rounds = this.sandboxes.values();
        next = this.rounds.next();
        if (next.done) break;
      }
      next.value.look();
      for (const tail of next.value.tails.values())
        tail.shrinkTo(sumsBytesOf(this.sandboxes.size * next.value.tails.size));
      this.dropIfOver(next.value);
    }
    for (const id of this.logless.withLogs(this.layout, RECONCILE_SANDBOXES_MAX)) this.newcomers.add(id);
    for (const tail of [...this.retried].slice(0, RECONCILE_SANDBOXES_MAX)) {
      this.retried.delete(tail);
      this.retried.add(tail);
      this.wake(tail);
    }
    this.schedule();
    // Letting go of a file may end its stream: the events that tell how it ended come first.
    afterEvents(() => this.checkHeld());
    this.pins.tidy();
  }

  private checkHeld(): void {
    if (this.isStopped) return;
    const what = 'The disk space of held files';
    try {
      for (const tail of this.held.check(this.unsettled, this.chunk)) this.wake(tail);
      this.failing.ends(what, 'Held files are measured again.');
    } catch (error) {
      if (!isRefused(error)) throw error;
      this.report(what, error as Error);
    }
  }

  /** Makes the folder of pins again if it is gone, and has each sandbox look for its pins. */
  private seePins(): void {
    this.pins.check();
    if (this.pinsRenewals === this.pins.renewals) return;
    this.pinsRenewals = this.pins.renewals;
    for (const id of this.sandboxes.keys()) this.newcomers.add(id);
    this.seeInTurn();
  }

  /** Says if sandboxes cannot be seen because another file system is where theirs was. */
  private tellHidden(): void {
    let hidden = 0;
    for (const sandbox of this.sandboxes.values()) if (sandbox.isHiddenIn(this.root)) hidden++;
    if (hidden === 0) {
      this.hiddenTrouble.ends();
      return;
    }
    const { root } = this.layout;
    const what = `Another file system than before is mounted at ${root}: it hides ${hidden} sandboxes. Nothing of them is forgotten.`;
    this.hiddenTrouble.begins(new AfterlogError('DATA_DIR_HIDDEN', what));
    this.lastError = what;
  }

  /** Watches the root, and lists it if it may have news. */
  private seeRoot(): void {
    try {
      this.watchRoot();
      const hasRoom = this.leftOut.size > 0 && this.hasFreedPlace;
      if (this.mayHaveNews() || hasRoom) this.discover();
      this.seePins();
      this.tellHidden();
      if (this.rootWatch !== null) this.rootTrouble.ends();
    } catch (error) {
      if (!isRefused(error)) throw error;
      this.rootFailed(error);
    }
  }

  /** Sandboxes that are known are still read; the next reconcile looks at the root again. */
  private rootFailed(error: unknown): void {
    this.rootWatch?.close();
    this.rootWatch = null;
    this.rootSeen = '';
    const { root } = this.layout;
    const what = `The folder of sandboxes, ${root}, cannot be seen: ${reasonOf(error)}.`;
    this.rootTrouble.begins(new AfterlogError('DATA_DIR_UNREADABLE', what, error));
    this.lastError = what;
  }

  /** Notes that it watched until now, once it has dealt with all events until now. */
  private isPresent(): void {
    const now_ms = Date.now();
    setImmediate(() => {
      if (this.isStopped) return;
      eventQueue.wasEmptied();
      this.presence.beat(now_ms);
    });
  }

  /**
   * Whether names may have come or gone in the root: a list of 10,000 each second would cost more than all
   * else.
   */
  private mayHaveNews(): boolean {
    const { device, folder, changed } = this.lookAtRoot();
    if (folder === '') return true;
    const seen = `${device}:${folder}:${changed}`;
    if (seen !== this.rootSeen) this.rootUnchanged = 0;
    this.rootSeen = seen;
    // A change within the same clock tick as a listing does not change the time: so it is listed once more.
    return this.rootUnchanged++ % RELIST_RECONCILES <= 1;
  }

  /** The root as it is now; the same object as long as it is the same folder. */
  private lookAtRoot(): Root {
    const now = seeRoot(this.layout.root);
    const { root } = this;
    if (root.device !== now.device || root.folder !== now.folder) this.root = now;
    else root.changed = now.changed;
    return this.root;
  }

  private revisitUnsettled(): void {
    this.hole_bytes_left = holeBytesPerVisit();
    compareRoom.refill(visit_ms());
    for (const tail of this.heldBack) this.wake(tail);
    this.takeUnfinished();
    for (const tail of this.unsettled) {
      if (tail.settle() || tail.isClosing || tail.isAmidNuls || tail.isWatched) this.wake(tail);
      else if (!tail.files.isSettling && !tail.isAway && tail.files.nameless.length === 0)
        this.unsettled.delete(tail);
    }
  }

  /** Reads logs again whose unfinished line is due. Others at a prompt are not touched. */
  private takeUnfinished(): void {
    const now_ms = performance.now();
    for (const tail of this.unfinished) {
      const { due_ms } = tail.unfinished;
      if (due_ms !== null && due_ms > now_ms) continue;
      this.unfinished.delete(tail);
      if (due_ms !== null) this.wake(tail);
    }
  }

  private wake(tail: LogTail): void {
    const isIdle = tail.files.first === undefined && tail.isRecovered && !tail.hasDue;
    if (isIdle) this.forget(tail);
    else this.readable.add(tail);
    this.unsettled.add(tail);
    this.schedule();
  }

  private schedule(): void {
    if (this.isScheduled || this.isStopped || this.readable.size + this.newcomers.size === 0) return;
    this.isScheduled = true;
    setImmediate(() => {
      this.isScheduled = false;
      this.takeTurn();
    });
  }

  private takeTurn(): void {
    this.seeNewcomers(performance.now() + TURN_MS);
    const until = performance.now() + TURN_MS;
    for (const tail of this.readable) {
      if (this.isStopped || performance.now() > until) break;
      this.readable.delete(tail);
      this.unsettled.add(tail);
      try {
        // A hole may be the largest file of the system: it waits for the next visit once others had to.
        if (tail.isAmidNuls && this.hole_bytes_left <= 0) continue;
        const more = this.visit(tail);
        if (tail.isAmidNuls) this.hole_bytes_left -= this.chunk.length;
        if (this.retried.delete(tail)) this.failing.ends(tail.key, `${tail.key} is read again.`);
        if (tail.lacksCopy) this.retried.add(tail);
        if (tail.unfinished.due_ms !== null) this.unfinished.add(tail);
        if (more) this.readable.add(tail);
        else this.forget(tail);
      } catch (error) {
        if (!(error instanceof ReadFailure)) throw error;
        this.retried.add(tail);
        if (error.isNew) this.report(tail.key, error);
      }
    }
    this.schedule();
  }

  /** Reads a tail, or copies aside while it cannot be read. @returns whether there is more to do at once */
  private visit(tail: LogTail): boolean {
    if (this.isPaused) {
      this.waiting.add(tail);
      return guard(tail, this.chunk);
    }
    if (!this.isOver(tail)) {
      this.heldBack.delete(tail);
      return read(tail, this.chunk);
    }
    this.heldBack.add(tail);
    return guard(tail, this.chunk);
  }

  private isOver({ owner }: LogTail): boolean {
    return this.sink.isOver(owner.account) && !this.awaited.has(owner.account);
  }

  /** Shares are free again: those who wait for one go on. */
  readHeldBack(): void {
    for (const tail of this.heldBack) {
      if (this.isOver(tail)) continue;
      this.heldBack.delete(tail);
      this.readable.add(tail);
    }
    this.schedule();
  }

  /** Logs that are not read because their sandbox has its share on its way. */
  get heldBackLogs(): number {
    return this.heldBack.size;
  }

  private forget(tail: LogTail): void {
    const sandbox = this.sandboxes.get(tail.sandbox);
    if (sandbox !== undefined) this.dropIfOver(sandbox);
  }

  private dropIfOver(sandbox: SandboxFolder): boolean {
    if (!sandbox.isGone || !sandbox.isOver) {
      this.remember(sandbox);
      return false;
    }
    this.drop(sandbox);
    this.hasFreedPlace = true;
    return true;
  }

  private drop(sandbox: SandboxFolder): void {
    this.memories.delete(sandbox);
    this.logless.left(sandbox);
    sandbox.close();
    for (const { path } of sandbox.failing) this.failing.forget(path);
    for (const tail of sandbox.tails.values()) {
      this.failing.forget(tail.key);
      this.retried.delete(tail);
    }
    this.sandboxes.delete(sandbox.id);
    this.places.leave(sandbox.id);
  }

  private remember(sandbox: SandboxFolder): void {
    if (!sandbox.isMemory) {
      this.memories.delete(sandbox);
      return;
    }
    this.memories.add(sandbox);
    if (this.memories.size <= limits.tail.sandboxes_remembered_max) return;
    const [oldest] = this.memories;
    this.memories.delete(oldest!);
    for (const tail of oldest!.tails.values()) {
      tail.files.forget();
      this.unsettled.add(tail);
    }
    this.forgot(`the files of ${oldest!.folder}`);
  }

  private forgot(what: string): void {
    const message = `The agent forgets ${what}: they were read, and still have names elsewhere.`;
    report(new AfterlogError('FILES_FORGOTTEN', message));
  }

  /** Logs once that something cannot be read; the reconciles try it again, silently. */
  private report(what: string, error: Error): void {
    this.fail(
      what,
      new AfterlogError('FILE_UNREADABLE', `${what} cannot be read: ${reasonOf(error)}.`, error),
    );
  }

  private fail(what: string, failure: AfterlogError): void {
    if (this.failing.begins(what, failure)) this.lastError = failure.message;
  }

  private complain(path: string, failure: AfterlogError): void {
    this.lastError = failure.message;
    if (this.reported.has(failure.message)) return;
    if (this.reported.size >= REPORTED_MAX) this.reported.clear();
    this.reported.add(failure.message);
    report(failure, { path });
  }

  /** Takes over totals of streams that were corrected in these states of the spool. */
  correct(states: unknown[]): void {
    for (const { sandbox, log, stream } of states as TailState[]) {
      const own = this.sandboxes.get(sandbox)?.tails.get(log)?.stream;
      if (own?.started === stream.started) own.correct(stream);
    }
  }

  /** Counts over all sandboxes. */
  counts(): TailCounts {
    const counts = { logs: 0, logs_unreadable: 0, files_strange: this.strangeNames.size, files_waiting: 0 };
    for (const { tails, strange } of this.sandboxes.values()) {
      counts.files_strange += strange;
      counts.logs += tails.size;
      for (const tail of tails.values()) {
        if (tail.failure !== '') counts.logs_unreadable++;
        counts.files_waiting += Math.max(0, tail.files.unread.length - 1);
      }
    }
    return counts;
  }

  pause(): void {
    this.isPaused = true;
  }

  resume(): void {
    this.isPaused = false;
    for (const tail of this.waiting) this.readable.add(tail);
    this.waiting.clear();
    this.schedule();
  }

  stop(): void {
    this.isStopped = true;
    for (const timer of this.timers) clearInterval(timer);
    this.presence.beat(Date.now());
    this.rootWatch?.close();
    for (const sandbox of this.sandboxes.values()) sandbox.close();
  }
}
