import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { SimulatedAgent } from './simulated_agent.ts';
import type { FileSystem } from './simulated_files.ts';
import { SpoolRows } from './spool_rows.ts';
import { type StoredStream, streamsOf } from './streams.ts';

/** An agent in simulated time, and the consoles that it reads. */
export class SimulatedHost {
  readonly agent: SimulatedAgent;
  readonly pins: string;
  private readonly vms: string;
  private readonly rows: SpoolRows;

  constructor(t: TestContext, fileSystem?: FileSystem) {
    const dir = mkdtempSync(join(tmpdir(), 'afterlog-simulated-'));
    this.pins = join(dir, 'data', '.afterlog', 'pins');
    this.vms = join(dir, 'data', 'vms');
    mkdirSync(this.vms, { recursive: true });
    this.agent = new SimulatedAgent(join(dir, 'data'), join(dir, 'state'), undefined, undefined, fileSystem);
    this.rows = new SpoolRows(join(dir, 'state', 'spool'));
    this.agent.install();
    t.after(() => {
      this.agent.uninstall();
      this.rows.close();
      rmSync(dir, { recursive: true });
    });
  }

  path(sandbox: string, name = 'console.log'): string {
    return join(this.vms, sandbox, name);
  }

  async write(sandbox: string, text: string): Promise<void> {
    mkdirSync(join(this.vms, sandbox), { recursive: true });
    appendFileSync(this.path(sandbox), text);
    this.agent.notify(this.vms, sandbox, true);
    this.agent.notify(join(this.vms, sandbox), 'console.log', false);
    await this.agent.deliver();
  }

  /** Gives the console an older name, and begins another one. The agent is told at the next `deliver`. */
  rotate(sandbox: string, text: string, older = 'console.log.1'): void {
    renameSync(this.path(sandbox), this.path(sandbox, older));
    writeFileSync(this.path(sandbox), text);
    // One name went, two came.
    for (const name of ['console.log', older, 'console.log'])
      this.agent.notify(join(this.vms, sandbox), name, true);
  }

  async delete(sandbox: string): Promise<void> {
    rmSync(join(this.vms, sandbox), { recursive: true });
    this.agent.notify(join(this.vms, sandbox), 'console.log', true);
    this.agent.unwatch(join(this.vms, sandbox));
    this.agent.notify(this.vms, sandbox, true);
    await this.agent.deliver();
  }

  truncate(sandbox: string): void {
    truncateSync(this.path(sandbox), 0);
  }

  streams(sandbox: string): StoredStream[] {
    return streamsOf(this.rows.poll().rows, sandbox);
  }

  rowsOf(sandbox: string): string[] {
    return this.streams(sandbox).flatMap(({ lines }) => lines.map(({ bytes }) => bytes.toString()));
  }
}
