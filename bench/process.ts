import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { exitOf, freePort, keepLastLines } from '../src/base/child_process.ts';

/** User and system time of a process in s, with a resolution of 1/100 s, from /proc. */
export function cpuSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

/** CPU-seconds of `zstd` for files, one by one; the shell's `times` measures its children. */
export function zstdSeconds(level: number, files: string[]): number {
  const script = `for f in "$@"; do zstd -q -${level} -T1 -c "$f" > /dev/null; done; times`;
  // The second line of `times` is for the children.
  const output = execFileSync('bash', ['-c', script, 'bash', ...files], { encoding: 'utf8' })
    .trim()
    .split('\n')
    .at(-1)!;
  return [...output.matchAll(/(\d+)m([\d.]+)s/g)].reduce(
    (sum, [, m, s]) => sum + Number(m) * 60 + Number(s),
    0,
  );
}

/** Current and peak resident memory of a process, in MB (10^6 bytes). */
export function memoryOf(pid: number): { now_mb: number; peak_mb: number } {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const field = (name: string): number =>
    (Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1]) * 1024) / 1e6;
  return { now_mb: field('VmRSS'), peak_mb: field('VmHWM') };
}

/** Waits for `isSo`. @throws after `bound_ms` */
export async function reached(
  what: string,
  isSo: () => boolean | Promise<boolean>,
  bound_ms = 120_000,
): Promise<void> {
  const until = performance.now() + bound_ms;
  while (!(await isSo())) {
    if (performance.now() > until) throw new Error(`${what}: not reached within ${bound_ms / 1000} s`);
    await sleep(50);
  }
}

/** A script of this folder in its own process. */
export class Script {
  readonly child: ChildProcess;
  readonly exited: Promise<number | null>;
  private readonly output: () => string;
  private line: Promise<string>;

  constructor(file: string, args: string[], env: NodeJS.ProcessEnv = process.env, node: string[] = []) {
    const path = join(import.meta.dirname, file);
    this.child = spawn(process.execPath, [...node, path, ...args], {
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.exited = exitOf(this.child);
    this.output = keepLastLines(this.child);
    this.line = new Promise((resolve) => this.child.stdout!.once('data', resolve));
  }

  get pid(): number {
    return this.child.pid!;
  }

  get isRunning(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null;
  }

  /** The first output. @throws if the process ends before */
  async said(): Promise<string> {
    const said = await Promise.race([this.line, this.exited.then(() => null)]);
    if (said === null) throw new Error(`it ended:\n${this.output()}`);
    return said;
  }

  get lastWords(): string {
    return this.output();
  }

  /** The whole output. @throws if the process fails */
  async result(): Promise<string> {
    const code = await this.exited;
    if (code !== 0) throw new Error(`it ended with ${code}:\n${this.output()}`);
    return this.output();
  }

  async end(signal: NodeJS.Signals): Promise<void> {
    this.child.kill(signal);
    await this.exited;
  }
}

export interface AgentStatus {
  sandboxes: number;
  bytes: number;
  lines: number;
  spool_bytes: number;
  seals: number;
  gaps: number;
  last_error: string | null;
}

export interface ConsumerStatus {
  rows: number;
  inserts: number;
  lag: number | null;
}

/** A role of the real command that can be killed and restarted. */
export class ServedRole<Status> {
  private script: Script | null = null;
  private readonly role: 'agent' | 'consumer';
  private readonly env: NodeJS.ProcessEnv;
  private readonly node: string[];
  private url = '';

  /** @param node options of Node.js, such as --cpu-prof */
  constructor(role: 'agent' | 'consumer', env: NodeJS.ProcessEnv, node: string[] = []) {
    this.role = role;
    this.env = { ...process.env, AFTERLOG_LOG_LEVEL: 'warn', ...env };
    this.node = node;
  }

  get pid(): number {
    return this.script!.pid;
  }

  get isRunning(): boolean {
    return this.script?.isRunning ?? false;
  }

  /** Starts the role and waits for its answer; an agent has then scanned all sandboxes. */
  async start(): Promise<void> {
    const address = `127.0.0.1:${await freePort()}`;
    this.url = `http://${address}/healthz`;
    const env = { ...this.env, [`AFTERLOG_${this.role.toUpperCase()}_LISTEN`]: address };
    this.script = new Script('../src/cli/main.ts', [this.role], env, this.node);
    await reached(`the ${this.role}`, async () => {
      if (!this.script!.isRunning) await this.script!.result();
      return (await this.status()) !== null;
    });
  }

  async status(): Promise<Status | null> {
    const options = { headers: { connection: 'close' }, signal: AbortSignal.timeout(2_000) };
    const response = await fetch(this.url, options).catch(() => null);
    return response === null ? null : ((await response.json().catch(() => null)) as Status | null);
  }

  /** The end of its output. */
  get lastWords(): string {
    return this.script?.lastWords ?? '';
  }

  async end(signal: NodeJS.Signals): Promise<void> {
    await this.script?.end(signal);
  }
}

export class AgentProcess extends ServedRole<AgentStatus> {
  /** @param env more settings; without any, the agent needs no Kafka @param node options of Node.js */
  constructor(dataDir: string, clickhouse: string, node: string[] = [], env: NodeJS.ProcessEnv = {}) {
    const own = {
      AFTERLOG_DATA_DIR: dataDir,
      AFTERLOG_HOST: 'bench',
      AFTERLOG_KAFKA_BROKERS: '',
      AFTERLOG_CLICKHOUSE_URL: clickhouse,
    };
    super('agent', { ...own, ...env }, node);
  }
}

/** Prints a table: columns as wide as their widest cell, right-aligned except for the first. */
export function printTable(rows: (string | number)[][]): void {
  const texts = rows.map((row) => row.map(String));
  const widths = texts[0]!.map((_, column) => Math.max(...texts.map((row) => row[column]!.length)));
  const pad = (cell: string, column: number): string =>
    column === 0 ? cell.padEnd(widths[0]!) : cell.padStart(widths[column]!);
  console.log(`\n${texts.map((row) => row.map(pad).join('  ').trimEnd()).join('\n')}`);
}
