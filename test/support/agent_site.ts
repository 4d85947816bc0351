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
 * A data dir with a real agent on it, whose ClickHouse is a closed port: everything it reads stays in its spool
 * and can be looked at there.
 */
export class AgentSite {
  readonly dir: string;
  readonly vms: string;
  readonly settings: Settings;
  spool: SpoolRows;
  output = '';
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

  /** Starts the agent and waits until it has looked at everything there is. */
  async start(user?: number): Promise<void> {
    const args = [child, JSON.stringify(this.settings), ...(user === undefined ? [] : [String(user)])];
    const started = spawn(process.execPath, args, { stdio: ['ignore', 'inherit', 'pipe', 'ipc'] });
    this.process = started;
    let said = '';
    await new Promise<void>((ready, failed) => {
      started.stderr!.setEncoding('utf8').on('data', (text: string) => {
        this.output += text;
        said += text;
        if (said.includes(AGENT_READY)) ready();
      });
      // Not as soon as it has ended: what it said may come after that.
      started.once('close', (code) => failed(new Error(`the agent ended with ${code}: ${this.output}`)));
    });
  }

  get isRunning(): boolean {
    return this.process !== null && this.process.exitCode === null && this.process.signalCode === null;
  }

  /** SIGKILL, and waits until the process is gone. */
  async kill(): Promise<void> {
    await this.end('SIGKILL');
  }

  /** SIGTERM. @returns the exit code */
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

  /** Takes the state dir away, as a new disk would. */
  loseSpool(): void {
    rmSync(this.settings.state_dir, { recursive: true });
    this.spool = new SpoolRows(join(this.settings.state_dir, 'spool'));
  }

  /** Takes the pins away, as somebody who cleans up might. */
  losePins(): void {
    for (const name of this.pins()) rmSync(join(this.settings.data_dir, '.afterlog', 'pins', name));
  }

  /** Returns when the agent says that all of a sandbox's bytes are safe, however often it takes too long. */
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

  /** @returns why not all is safe; null when it is */
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

  /** Whether an agent holds every file of a sandbox by a link of its own: then it has seen them. */
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

  delete(sandbox: string): void {
    rmSync(this.folder(sandbox), { recursive: true });
  }

  streams(sandbox: string, log = 'console'): StoredStream[] {
    return streamsOf(this.spool.poll().of(sandbox, log).rows, sandbox, log);
  }

  pins(): string[] {
    const dir = join(this.settings.data_dir, '.afterlog', 'pins');
    return existsSync(dir) ? readdirSync(dir) : [];
  }

  /** Waits for `isSo`, while the agent lives. */
  async eventually(what: string, isSo: () => boolean): Promise<void> {
    const told = (): string => `${what}: ${this.output}`;
    await until(() => {
      if (isSo()) return true;
      if (!this.isRunning) throw new Error(`the agent ended while waiting for ${told()}`);
      return false;
    }, told);
  }

  /** Waits until so many bytes of a sandbox's log are in the spool. */
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
   * Does something of several steps while the agent stands still, so that it sees either nothing or all of it,
   * however long this process is kept waiting in between.
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

  /** Everything is deleted: waits until the agent holds nothing more, and checks that no key stands twice. */
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
