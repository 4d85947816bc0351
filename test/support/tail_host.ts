import { appendFileSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, utimesSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { Pipeline } from '../../src/agent/pipeline.ts';
import { Spool } from '../../src/spool/spool.ts';
import { Pins } from '../../src/tail/pins.ts';
import { Tailer } from '../../src/tail/tailer.ts';
import type { WatchFolder } from '../../src/tail/watch.ts';
import { until } from './patience.ts';
import { SpoolRows } from './spool_rows.ts';
import { type StoredStream, streamsOf } from './streams.ts';

/** A tail whose reading can be paused, as by a full spool; its sink still accepts gap and seal rows. */
export class TailHost {
  readonly tailer: Tailer;
  readonly pins: string;
  readonly vms: string;
  readonly dir: string;
  private readonly held: Pins;
  private readonly rows: SpoolRows;
  private readonly spool: Spool;
  readonly pipeline: Pipeline;

  constructor(
    t: TestContext,
    heldBytesMax?: number,
    dir = mkdtempSync(join(tmpdir(), 'afterlog-held-')),
    watch?: WatchFolder,
  ) {
    this.dir = dir;
    this.vms = join(dir, 'vms');
    this.pins = join(dir, '.afterlog', 'pins');
    mkdirSync(this.vms);
    const state = mkdtempSync(join(tmpdir(), 'afterlog-held-state-'));
    const spool = new Spool(state);
    const pins = new Pins(this.pins);
    const pipeline = new Pipeline('host', spool, {
      paused: () => {},
      release: (pin) => pins.release(pin),
      freed: () => this.tailer.readHeldBack(),
    });
    this.tailer = new Tailer(dir, 'vms/{sandbox}/{log}', pins, pipeline, watch, heldBytesMax);
    this.rows = new SpoolRows(state);
    this.spool = spool;
    this.pipeline = pipeline;
    this.held = pins;
    this.tailer.start([]);
    t.after(async () => {
      this.tailer.stop();
      await pipeline.close();
      await spool.close();
      this.rows.close();
      rmSync(dir, { recursive: true, force: true });
      rmSync(state, { recursive: true });
    });
  }

  path(sandbox: string, file = 'console.log'): string {
    return join(this.vms, sandbox, file);
  }

  /** @param age_s seconds since its last write */
  write(sandbox: string, bytes: string, age_s = 0): void {
    mkdirSync(join(this.vms, sandbox), { recursive: true });
    appendFileSync(this.path(sandbox), bytes);
    utimesSync(this.path(sandbox), Date.now() / 1000 - age_s, Date.now() / 1000 - age_s);
  }

  delete(sandbox: string): void {
    rmSync(join(this.vms, sandbox), { recursive: true });
  }

  streams(sandbox: string): StoredStream[] {
    return streamsOf(this.rows.poll().rows, sandbox);
  }

  /** How many files an open descriptor holds. */
  get descriptors(): number {
    return this.held.descriptors;
  }

  /** All that is in the spool arrives at its destination. */
  deliver(): void {
    this.rows.poll();
    const sent = this.spool.read(1_000, Number.MAX_SAFE_INTEGER);
    const bytes = sent.reduce((sum, { payload }) => sum + payload.length, 0);
    if (sent.length > 0) this.spool.delivered(sent.at(-1)!.after, bytes);
    this.pipeline.arrived();
  }

  private asides(): string[] {
    return readdirSync(this.pins).filter((name) => name.includes(',aside,'));
  }

  /** The pins, without copies. */
  pinned(): number {
    return readdirSync(this.pins).length - this.asides().length;
  }

  /** Waits until the copies of a sandbox's files have exactly these sizes. */
  async aside(sandbox: string, sizes: number[]): Promise<void> {
    let found: number[] = [];
    await this.eventually(`${sizes} aside`, () => {
      const names = this.asides().filter((name) => name.startsWith(`${sandbox},`));
      found = names.map((name) => statSync(join(this.pins, name), { throwIfNoEntry: false })?.size ?? 0);
      return found.toSorted((a, b) => a - b).join() === sizes.toSorted((a, b) => a - b).join();
    });
  }

  /** Whether `bytes` of a console were read. */
  hasSeen(sandbox: string, bytes: number): boolean {
    const tail = this.tailer.sandboxes.get(sandbox)?.tails.get('console');
    return tail?.files.newest?.known.size === bytes;
  }

  async eventually(what: string, isSo: () => boolean): Promise<void> {
    await until(isSo, what);
  }

  async read(sandbox: string, bytes: number): Promise<void> {
    await this.eventually(`${bytes} bytes of ${sandbox}`, () => {
      return this.streams(sandbox).reduce((sum, stream) => sum + stream.bytes.length, 0) >= bytes;
    });
  }

  async sealed(sandbox: string, streams = 1): Promise<StoredStream[]> {
    await this.eventually(`${streams} seals of ${sandbox}`, () => {
      const found = this.streams(sandbox);
      return found.length === streams && found.every(({ seal }) => seal !== null);
    });
    return this.streams(sandbox);
  }
}
