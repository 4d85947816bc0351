import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { loadSettings, type Settings } from '../../src/config/settings.ts';
import { AGENT_READY } from './agent_ready.ts';
import { until } from './patience.ts';
import { SpoolRows } from './spool_rows.ts';
import { type StoredStream, streamsOf } from './streams.ts';

const child = resolve(import.meta.dirname, 'agent_child.ts');

/**
 * A data dir with a real agent. Its ClickHouse is a closed port, so that all rows stay in its spool, where
 * tests can read them.
 */
export class AgentSite {
  readonly dir: string;
  readonly vms: string;
  readonly settings: Settings;
  spool: SpoolRows;
  output = '';
  /** How many files its agent may have open; null: as many as this process. */
  openFilesMax: number | null = null;
  private process: ChildProcess | null = null;

  constructor(options: { vms?: boolean; stateDir?: string } = {}) {
    this.dir = mkdtempSync(join(tmpdir(), 'afterlog-agent-'));
    this.vms = join(this.dir, 'data', 'vms');
    mkdirSync(options.vms === false ? join(this.dir, 'data') : this.vms, { recursive: true });
    this.settings = loadSettings(
      {
        dataDir: join(this.dir, 'data'),
        stateDir: options.stateDir ?? join(this.dir, 'state'),
        host: 'test-host',
        clickhouseUrl: 'http://127.0.0.1:1',
        agentListen: '127.0.0.1:0',
      },
      {},
    );
    this.spool = new SpoolRows(join(this.settings.state_dir, 'spool'));
  }

  get pid(): number {
    return this.process!.pid!;
  }

  /** Starts the agent and waits until it has scanned all files. */
  async start(user?: number): Promise<void> {
    const args = [child, JSON.stringify(this.settings), ...(user === undefined ? [] : [String(user)])];
    const limited = this.openFilesMax === null ? [] : ['prlimit', `--nofile=${this.openFilesMax}`];
    const [program, ...rest] = [...limited, process.execPath, ...args] as [string, ...string[]];
    const started = spawn(program, rest, { stdio: ['ignore', 'inherit', 'pipe', 'ipc'] });
    this.process = started;
    let said = '';
    await new Promise<void>((ready, failed) => {
      started.stderr!.setEncoding('utf8').on('data', (text: string) => {
        this.output += text;
        said += text;
        if (said.includes(AGENT_READY)) ready();
      });
      // Not yet at its exit: its output may arrive later.
      started.once('close', (code) => failed(new Error(`the agent ended with ${code}: ${this.output}`)));
    });
  }

  get isRunning(): boolean {
    return this.process !== null && this.process.exitCode === null && this.process.signalCode === null;
  }

  /** Sends SIGKILL and waits until the process has ended. */
  async kill(): Promise<void> {
    await this.end('SIGKILL');
  }

  /** Sends SIGTERM. @returns the exit code */
  async stop(): Promise<number | null> {
    await this.end('SIGTERM');
    return this.process?.exitCode ?? null;
  }

  private async end(signal: NodeJS.Signals): Promise<void> {
    if (!this.isRunning) return;
    const ended = new Promise((done) => this.process!.once('exit', done));
    this.process!.kill(signal);
    await ended;
  }

  /** Removes the state dir, like a new disk. */
  loseSpool(): void {
    rmSync(this.settings.state_dir, { recursive: true });
    this.spool = new SpoolRows(join(this.settings.state_dir, 'spool'));
  }

  /** Removes the pins, like an operator who cleans up. */
  losePins(): void {
    for (const name of this.pins()) rmSync(join(this.settings.data_dir, '.afterlog', 'pins', name));
  }

  /** Repeats the flush of a sandbox until the agent reports that all its bytes are durable. */
  async flush(sandbox: string): Promise<void> {
    let failure: string | null = '';
    await until(
      async () => {
        failure = await this.flushOnce(sandbox);
        if (failure === null || failure.includes('FLUSH_LATE')) return failure === null;
        throw new Error(`${failure}\n${this.output}`);
      },
      () => `${failure}\n${this.output}`,
    );
  }

  /** @returns the reason why some bytes are not durable; null if all are */
  async flushOnce(sandbox: string): Promise<string | null> {
    const child = this.process!;
    return await new Promise((done, failed) => {
      const answered = (answer: { flush: string; failed?: string }): void => {
        if (answer.flush !== sandbox) return;
        child.off('message', answered);
        child.off('exit', ended);
        done(answer.failed ?? null);
      };
      const ended = (): void => failed(new Error(`the agent ended while it flushed: ${this.output}`));
      child.on('message', answered);
      child.once('exit', ended);
      child.send({ flush: sandbox });
    });
  }

  /** Whether the agent has a pin for every file of a sandbox, and so has seen them. */
  isPinned(sandbox: string): boolean {
    return readdirSync(this.folder(sandbox)).every((file) => statSync(this.path(sandbox, file)).nlink > 1);
  }

  async pinned(sandbox: string): Promise<void> {
    await this.eventually(`links to all files of ${sandbox}`, () => this.isPinned(sandbox));
  }

  folder(sandbox: string): string {
    return join(this.vms, sandbox);
  }

  path(sandbox: string, file = 'console.log'): string {
    return join(this.vms, sandbox, file);
  }

  make(sandbox: string): void {
    mkdirSync(this.folder(sandbox));
  }

  /** On FUSE, the name of an open file is only hidden until its reader closes it; its folder stays as long. */
  delete(sandbox: string): void {
    rmSync(this.folder(sandbox), { recursive: true, maxRetries: 50 });
  }

  streams(sandbox: string, log = 'console'): StoredStream[] {
    return streamsOf(this.spool.poll().of(sandbox, log).rows, sandbox, log);
  }

  pins(): string[] {
    const dir = join(this.settings.data_dir, '.afterlog', 'pins');
    return existsSync(dir) ? readdirSync(dir) : [];
  }

  /** Waits for `isSo`. @throws if the agent ends */
  async eventually(what: string, isSo: () => boolean): Promise<void> {
    const told = (): string => `${what}: ${this.output}`;
    await until(() => {
      if (isSo()) return true;
      if (!this.isRunning) throw new Error(`the agent ended while waiting for ${told()}`);
      return false;
    }, told);
  }

  /** Waits until `bytes` of a sandbox's log are in the spool. */
  async read(sandbox: string, bytes: number, log = 'console'): Promise<void> {
    await this.eventually(
      `${bytes} bytes of ${sandbox}`,
      () => this.spool.poll().of(sandbox, log).bytes >= bytes,
    );
  }

  /** Waits until a log's last stream is sealed. */
  async sealed(sandbox: string, streams = 1, log = 'console'): Promise<StoredStream[]> {
    await this.eventually(
      `${streams} seals of ${sandbox}`,
      () => this.spool.poll().of(sandbox, log).seals >= streams,
    );
    return this.streams(sandbox, log);
  }

  /**
   * Runs several steps while the agent is stopped (SIGSTOP), so that it sees either none or all of them, even
   * if this process is slow.
   */
  atOnce(steps: () => void): void {
    this.process!.kill('SIGSTOP');
    while (!/\) [Tt] /.test(readFileSync(`/proc/${this.pid}/stat`, 'utf8')));
    try {
      steps();
    } finally {
      this.process!.kill('SIGCONT');
    }
  }

  /**
   * After everything is deleted: waits until the agent holds no file, and checks that no key is duplicated.
   */
  async empty(): Promise<void> {
    await this.eventually(
      'an agent that holds nothing',
      () => this.pins().length === 0 && this.spool.poll().states.size === 0,
    );
    assert.deepEqual(this.spool.repeated, [], 'no key stands twice');
  }

  async close(): Promise<void> {
    await this.kill();
    this.spool.close();
    rmSync(this.dir, { recursive: true, force: true, maxRetries: 5 });
  }
}
