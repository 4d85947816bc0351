import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { TestContext } from 'node:test';
import { promisify } from 'node:util';
import type { Settings } from '../../src/config/settings.ts';

const main = resolve(import.meta.dirname, '../../src/cli/main.ts');

/** The command line's environment for these settings. */
export function environmentOf(settings: Settings): NodeJS.ProcessEnv {
  return {
    ...process.env,
    AFTERLOG_DATA_DIR: settings.data_dir,
    AFTERLOG_STATE_DIR: settings.state_dir,
    AFTERLOG_HOST: settings.host,
    AFTERLOG_KAFKA_BROKERS: settings.kafka.brokers.join(','),
    AFTERLOG_KAFKA_TOPIC: settings.kafka.topic,
    AFTERLOG_KAFKA_GROUP: settings.kafka.group,
    AFTERLOG_CLICKHOUSE_URL: settings.clickhouse.url,
    AFTERLOG_CLICKHOUSE_DATABASE: settings.clickhouse.database,
    AFTERLOG_LISTEN: settings.listen,
    AFTERLOG_AGENT_LISTEN: settings.agent_listen,
    AFTERLOG_CONSUMER_LISTEN: settings.consumer_listen,
  };
}

/** A role of the real command in its own process, which can be killed and restarted. */
export class RoleProcess {
  output = '';
  private child: ChildProcess | null = null;
  private readonly env: NodeJS.ProcessEnv;

  private readonly command: string[];

  /** @param wrapper a command that runs afterlog, such as setpriv */
  constructor(
    t: TestContext,
    args: string[],
    env: NodeJS.ProcessEnv,
    wrapper: string[] = [],
    mainFile = main,
  ) {
    this.command = [...wrapper, process.execPath, mainFile, ...args];
    this.env = env;
    t.after(() => this.kill());
  }

  start(): void {
    const [file, ...args] = this.command;
    const child = spawn(file!, args, { env: this.env, stdio: ['ignore', 'pipe', 'pipe'] });
    this.child = child;
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk: Buffer) => {
        this.output += chunk;
      });
    }
  }

  get pid(): number {
    return this.child!.pid!;
  }

  get isRunning(): boolean {
    return this.child !== null && this.child.exitCode === null && this.child.signalCode === null;
  }

  /** The process and its children. */
  family(): number[] {
    const { pid } = this.child!;
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8');
    return [pid!, ...children.split(' ').filter(Boolean).map(Number)];
  }

  signal(name: NodeJS.Signals): void {
    this.child!.kill(name);
  }

  /** The signal that ended the process, if any. */
  get endedBy(): NodeJS.Signals | null {
    return this.child?.signalCode ?? null;
  }

  /** Sends SIGKILL and waits until the process has ended. */
  async kill(): Promise<void> {
    await this.end('SIGKILL');
  }

  /** Sends SIGTERM. @returns the exit code */
  async stop(): Promise<number | null> {
    return this.end('SIGTERM');
  }

  private async end(signal: NodeJS.Signals): Promise<number | null> {
    const { child } = this;
    if (child === null) return null;
    if (this.isRunning) {
      const ended = new Promise((done) => child.once('exit', done));
      child.kill(signal);
      await ended;
    }
    return child.exitCode;
  }
}

/** Runs `afterlog …` until it ends. */
export async function afterlog(
  env: NodeJS.ProcessEnv,
  ...args: string[]
): Promise<{ code: number; stdout: Buffer; stderr: string }> {
  try {
    const options = { env, encoding: 'buffer', maxBuffer: 256 * 1024 * 1024 } as const;
    const { stdout, stderr } = await promisify(execFile)(process.execPath, [main, ...args], options);
    return { code: 0, stdout, stderr: stderr.toString() };
  } catch (error) {
    const { code, stdout, stderr } = error as { code: number; stdout: Buffer; stderr: Buffer };
    return { code, stdout, stderr: stderr.toString() };
  }
}
