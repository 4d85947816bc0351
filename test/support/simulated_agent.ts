import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { join, resolve } from 'node:path';
import { mock } from 'node:test';
import { flushSandbox } from '../../src/agent/flush.ts';
import { Pipeline } from '../../src/agent/pipeline.ts';
import { AfterlogError } from '../../src/base/errors.ts';
import { limits } from '../../src/base/limits.ts';
import { log } from '../../src/base/log.ts';
import type { Redactor } from '../../src/redact/redactor.ts';

import { Spool, type SpooledPayload } from '../../src/spool/spool.ts';
import type { Span } from '../../src/tail/event_queue.ts';

import type { Generation } from '../../src/tail/generation.ts';
import { type Pin, Pins } from '../../src/tail/pins.ts';
import { Tailer } from '../../src/tail/tailer.ts';
import type { WatchFolder } from '../../src/tail/watch.ts';
import { CallFaults } from './call_faults.ts';
import { FakeTimers } from './fake_timers.ts';
import { type FileSystem, SimulatedFiles, USUAL } from './simulated_files.ts';

/** The system's functions, for the file operations of everything outside the agent. */
export const real = { ...fs };
const realImmediate = setImmediate;

/** File-system calls of an agent; before each of them it may die or fail, or something else may happen. */
const CALLS = [
  'existsSync',
  'fchmodSync',
  'fstatSync',
  'fsyncSync',
  'ftruncateSync',
  'futimesSync',
  'linkSync',
  'lstatSync',
  'mkdirSync',
  'openSync',
  'readFileSync',
  'readSync',
  'readdirSync',
  'readlinkSync',
  'renameSync',
  'statSync',
  'statfsSync',
  'unlinkSync',
  'writeFileSync',
  'writeSync',
] as const;

const TICK_MS = 50;
/** Behind the system's clock, which sets the birth times of files: a simulated day must not overtake it. */
const BEHIND_MS = 1_000 * 86_400_000;

/** Whether no truncation can take a byte of it away. */
const isSafe = ({ place, pin, known }: Generation): boolean => {
  if (place !== 'live') return true;
  const stats =
    pin.fd === null ? real.statSync(pin.path!, { throwIfNoEntry: false }) : real.fstatSync(pin.fd);
  // Somebody removed its pin.
  if (stats === undefined) return false;
  const { size, mtimeMs } = stats;
  // Each write of a history has another time.
  const isAsSeen = size === known.size && Math.abs(mtimeMs - known.written_ms) < 1e-3;
  return isAsSeen && known.seenTo >= known.end;
};

class Killed extends Error {}

type Changed = Parameters<WatchFolder>[1];
type AnyCall = (...args: unknown[]) => unknown;

/**
 * Tail, pipeline and spool of an agent in this process, on real files. Only `tick` moves its clock, and only
 * `deliver` delivers directory events. It can die at any file-system call: from then on, its calls have no
 * effect. Only one can exist at a time. It uses the product's code unchanged.
 */
export class SimulatedAgent {
  isRunning = false;
  private readonly dataDir: string;
  private readonly stateDir: string;
  private readonly heldBytesMax: number | undefined;
  /** Each simulated process has its own. */
  private readonly makeRedactor: () => Redactor | null;
  private readonly fileSystem: FileSystem;
  private readonly files: SimulatedFiles;
  /** A process that ends closes its files. */
  private readonly openFiles = new Set<number>();
  private now_ms = Date.now() - BEHIND_MS;
  private wallOffset_ms = 0;
  private readonly timers = new FakeTimers();
  /** Makes its calls fail. */
  readonly faults = new CallFaults();
  /** Whether something happens between two calls of the agent. */
  isAtWork = false;
  private isInside = false;
  private isKilled = false;
  /** File-system calls so far. */
  calls = 0;
  private killAt: number | null = null;
  private readonly meanwhile: { at: number; act: () => void }[] = [];
  private readonly watches = new Map<string, Changed>();
  private events: { changed: Changed; name: string; renamed: boolean }[] = [];
  private lost: Span | null = null;
  private spool: Spool | null = null;
  private tailer: Tailer | null = null;
  private pipeline: Pipeline | null = null;

  constructor(
    dataDir: string,
    stateDir: string,
    heldBytesMax?: number,
    makeRedactor: () => Redactor | null = () => null,
    fileSystem: FileSystem = USUAL,
  ) {
    this.fileSystem = fileSystem;
    this.files = new SimulatedFiles(fileSystem);
    this.dataDir = dataDir;
    this.stateDir = stateDir;
    this.heldBytesMax = heldBytesMax;
    this.makeRedactor = makeRedactor;
  }

  /** Replaces clock and file system until `uninstall`. */
  install(): void {
    log.level = 'silent';
    // All births are as far ahead of its clock.
    const { tail } = limits as unknown as { tail: Record<string, number> };
    tail.birth_ahead_ms_max = 2 * BEHIND_MS;
    const changed = fs as unknown as Record<string, AnyCall>;
    for (const name of CALLS) {
      const call = real[name] as unknown as AnyCall;
      changed[name] = (...args) => {
        if (!this.isInside) return call(...args);
        this.before(name, args);
        const fault = this.faults.of(name, args);
        if (fault === null) {
          const result = this.files.call(name, call, args);
          if (name === 'openSync') this.openFiles.add(result as number);
          return result;
        }
        if (name === 'existsSync') return false;
        throw fault;
      };
    }
    // Also a dead agent closes its files, and a close that fails has closed.
    changed.closeSync = (fd) => {
      real.closeSync(fd as number);
      this.openFiles.delete(fd as number);
      const fault = this.isInside && !this.isKilled ? this.faults.of('closeSync', [fd]) : null;
      if (fault !== null) throw fault;
    };
    changed.fdatasync = (fd, done) => {
      const fault = this.isKilled ? new Killed() : this.faults.of('fdatasync', [fd]);
      queueMicrotask(() => (done as (error: Error | null) => void)(this.isKilled ? new Killed() : fault));
    };
    mock.method(performance, 'now', () => this.now_ms);
    mock.method(Date, 'now', () => this.now_ms + this.wallOffset_ms);
    this.timers.install();
    // The event loop delivers what is in the queue before it calls immediates.
    this.timers.beforeImmediate = () => this.passEvents();
  }

  uninstall(): void {
    this.end();
    this.timers.uninstall();
    mock.reset();
    for (const name of [...CALLS, 'closeSync', 'fdatasync'] as const)
      Object.assign(fs, { [name]: real[name] });
    syncBuiltinESMExports();
  }

  private before(name: string, args: unknown[]): void {
    if (this.isKilled) throw new Killed();
    this.calls++;
    if (this.calls === this.killAt) {
      this.isKilled = true;
      // An interrupted write may be done in part.
      if (name === 'writeSync') {
        const [fd, bytes, , , at] = args as [number, Buffer, number, number, number];
        const torn = bytes.subarray(0, 30);
        real.writeSync(fd, torn, 0, torn.length, at);
      }
      throw new Killed();
    }
    while (this.meanwhile.length > 0 && this.meanwhile[0]!.at <= this.calls) {
      const { act } = this.meanwhile.shift()!;
      this.isInside = false;
      this.isAtWork = true;
      act();
      this.isAtWork = false;
      this.isInside = true;
    }
  }

  /** Runs something after the agent's next `calls` file-system calls, just before the one after them. */
  meanwhileAfter(calls: number, act: () => void): void {
    this.meanwhile.push({ at: this.calls + calls, act });
    this.meanwhile.sort((a, b) => a.at - b.at);
  }

  /** Pauses reading, as a full spool does; the spool still accepts gap and seal rows. */
  pause(): void {
    this.tailer?.pause();
  }

  /** While the spool takes nothing, it resumes by itself. */
  resume(): void {
    if (this.pipeline?.paused === null) this.inside(() => this.tailer?.resume());
  }

  get isPaused(): boolean {
    return this.tailer?.isPaused ?? false;
  }

  /**
   * Makes it look at a sandbox.
   * @returns whether it still runs, and has all bytes in a pin, a copy or rows of the spool
   */
  async guard(sandbox: string): Promise<boolean> {
    const { pipeline, tailer } = this;
    if (tailer === null || pipeline === null) return false;
    // biome-ignore lint/complexity/useLiteralKeys: private; called like on an event
    this.inside(() => tailer['see'](sandbox));
    await this.tick(4 * TICK_MS);
    // Rows that the spool does not take now are lost with the agent.
    // biome-ignore lint/complexity/useLiteralKeys: private
    if (pipeline['stuck'] !== null || pipeline['builder'].rows > 0) return false;
    const known = tailer.sandboxes.get(sandbox);
    if (this.tailer !== tailer || known === undefined || known.failure !== '') return false;
    return [...known.tails.values()].every(
      ({ lastLook, failure, files }) => lastLook !== null && failure === '' && files.unread.every(isSafe),
    );
  }

  /** Whether it would say in a flush that some bytes of a sandbox may be new, or of the former content. */
  isUnsureOf(sandbox: string): boolean {
    const tails = this.tailer?.sandboxes.get(sandbox)?.tails.values() ?? [];
    const files = [...tails].flatMap(({ files: { unread } }) => unread);
    return files.some(({ cursor, known }) => cursor.unsure_bytes > 0 || known.unsure_bytes > 0);
  }

  /** Whether it leaves a sandbox unread that has its share on its way. */
  get holdsBack(): boolean {
    return (this.tailer?.heldBackLogs ?? 0) > 0;
  }

  /** Whether something will happen at one of its next calls. */
  get isArmed(): boolean {
    return this.killAt !== null || this.meanwhile.length > 0;
  }

  /** Whether it holds the file at this path, which then cannot go away unseen. */
  holds(sandbox: string, path: string): boolean {
    const file = this.files.identityOf(path);
    const tail = this.tailer?.sandboxes.get(sandbox)?.tails.get('console');
    return file !== null && tail?.files.holds(file) === true;
  }

  /** Sandboxes that it still has something of. */
  get known(): string[] {
    return [...(this.tailer?.sandboxes.keys() ?? [])];
  }

  /** Whether all files that only it holds are read, durable and closed: it knows which, for its looks saw all. */
  get holdsNothing(): boolean {
    const sandboxes = [...(this.tailer?.sandboxes.values() ?? [])];
    if (sandboxes.some(({ failure }) => failure !== '')) return false;
    const files = sandboxes.flatMap(({ tails }) => [...tails.values()].map((tail) => tail.files));
    return files.every(({ nameless, isSettling }) => nameless.length === 0 && !isSettling);
  }

  killAfter(calls: number): void {
    this.killAt = this.calls + calls;
  }

  disarm(): void {
    this.killAt = null;
    this.faults.end();
    this.meanwhile.length = 0;
  }

  private inside(act: () => void): void {
    this.isInside = true;
    try {
      act();
    } catch (error) {
      if (!this.isKilled) throw error;
    } finally {
      this.isInside = false;
    }
    if (this.isKilled) this.end();
  }

  async start(): Promise<void> {
    if (this.isRunning) return;
    this.isRunning = true;
    this.isKilled = false;
    // Drops work that promises of a dead agent scheduled after its end.
    this.timers.clear();
    this.inside(() => {
      let spool: Spool;
      let pins: Pins;
      // The last call that fails may be in there.
      const mayFail = this.faults.isOn;
      try {
        spool = new Spool(join(this.stateDir, 'spool'));
        this.spool = spool;
        const holding = this.fileSystem.links === 'unwanted' ? 'descriptor' : 'link';
        pins = new Pins(join(this.dataDir, '.afterlog', 'pins'), holding);
      } catch (error) {
        // An agent whose own folders fail does not start; the next one may.
        if (!mayFail) throw error;
        this.isKilled = true;
        return;
      }
      const events = {
        paused: (isPaused: boolean) => (isPaused ? tailer.pause() : tailer.resume()),
        release: (pin: Pin) => pins.release(pin),
        freed: () => tailer.readHeldBack(),
      };
      const pipeline = new Pipeline('host', spool, events, null, this.makeRedactor());
      const layout = 'vms/{sandbox}/{log}';
      const tailer = new Tailer(this.dataDir, layout, pins, pipeline, this.watch, this.heldBytesMax);
      this.pipeline = pipeline;
      this.tailer = tailer;
      try {
        tailer.start([...spool.states.values()]);
      } catch (error) {
        if (!mayFail || !(error instanceof AfterlogError)) throw error;
        this.isKilled = true;
      }
    });
    await this.settle();
  }

  async kill(): Promise<void> {
    this.end();
    await this.settle();
  }

  private end(): void {
    if (!this.isRunning) return;
    this.isRunning = false;
    // Until the next start: promises of this agent may continue, and must find that it is dead.
    this.isKilled = true;
    this.killAt = null;
    this.timers.clear();
    for (const fd of this.openFiles) real.closeSync(fd);
    this.openFiles.clear();
    this.spool = null;
    this.tailer = null;
    this.pipeline = null;
    this.watches.clear();
    this.events = [];
  }

  private readonly watch: WatchFolder = (path, changed) => {
    if (!real.existsSync(path)) throw Object.assign(new Error('no such folder'), { code: 'ENOENT' });
    const fault = this.faults.of('watch', [path]);
    if (fault !== null) throw fault;
    this.watches.set(resolve(path), changed);
    const close = (): void => {
      if (this.watches.get(resolve(path)) === changed) this.watches.delete(resolve(path));
    };
    return { close, tellsNames: true, blind: () => this.lost };
  };

  /** A change in a folder; the agent gets the event at the next `deliver`. */
  notify(folder: string, name: string, renamed: boolean): void {
    const changed = this.watches.get(resolve(folder));
    if (this.isRunning && changed !== undefined) this.events.push({ changed, name, renamed });
  }

  /** A folder is deleted: its watch has no more events, not even of a new folder in its place. */
  unwatch(folder: string): void {
    this.watches.delete(resolve(folder));
  }

  async deliver(): Promise<void> {
    this.inside(() => this.passEvents());
    await this.settle();
  }

  private passEvents(): void {
    for (;;) {
      const event = this.events.shift();
      if (event === undefined) return;
      event.changed(event.name, event.renamed);
    }
  }

  /** Drops events, like an overflow of the system's queue. @returns whether there were any */
  dropEvents(): boolean {
    if (this.events.length === 0) return false;
    this.events = [];
    this.lost = { from_ms: Date.now(), to_ms: Date.now() };
    return true;
  }

  /** Whether a log is not read because its sandbox has its share on its way. */
  get isHoldingBack(): boolean {
    return (this.tailer?.heldBackLogs ?? 0) > 0;
  }

  /** One send arrives, of all that is durable up to `bytes`. @returns whether there was any */
  async send(bytes: number): Promise<boolean> {
    const { spool, pipeline } = this;
    if (spool === null || pipeline === null) return false;
    let isAny = false;
    this.inside(() => {
      let payloads: SpooledPayload[];
      try {
        payloads = spool.read(limits.send.batches_max, bytes);
      } catch (error) {
        // As the sender does.
        if (!this.faults.isOn) throw error;
        spool.rewind();
        return;
      }
      isAny = payloads.length > 0;
      if (!isAny) return;
      const sum = payloads.reduce((total, { payload }) => total + payload.length, 0);
      spool.delivered(payloads.at(-1)!.after, sum);
      pipeline.arrived();
    });
    await this.settle();
    return isAny;
  }

  stepClock(ms: number): void {
    this.wallOffset_ms += ms;
  }

  /** Advances the clock and runs the agent's work of that time. */
  async tick(ms: number): Promise<void> {
    for (let passed = 0; passed < ms; passed += TICK_MS) {
      this.now_ms += TICK_MS;
      this.inside(() => this.timers.advance(TICK_MS));
      await this.settle();
    }
  }

  /** Runs promises until they need time to pass. Every method that runs agent code ends with it. */
  private async settle(): Promise<void> {
    this.isInside = true;
    await new Promise((done) => realImmediate(done));
    this.isInside = false;
    if (this.isKilled) this.end();
  }

  get wall_s(): number {
    return (this.now_ms + this.wallOffset_ms) / 1000;
  }

  /** @returns whether all bytes of a sandbox are durable; false if the agent died, or its calls failed */
  async flush(sandbox: string): Promise<boolean> {
    const { tailer, pipeline } = this;
    if (tailer === null || pipeline === null) return false;
    let outcome: true | Error | null = null;
    let hadFaults = this.faults.isOn;
    this.isInside = true;
    flushSandbox(tailer, pipeline, sandbox).then(
      () => {
        outcome = true;
      },
      (error: Error) => {
        outcome = error;
      },
    );
    await this.settle();
    while (outcome === null) {
      if (this.tailer !== tailer) return false;
      await this.tick(TICK_MS);
      hadFaults ||= this.faults.isOn;
    }
    if (this.tailer !== tailer) return false;
    if (outcome !== true && !hadFaults) throw outcome;
    return outcome === true;
  }
}
