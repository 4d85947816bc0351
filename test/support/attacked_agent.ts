import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import type { TestContext } from 'node:test';
import { freePort } from '../../src/base/child_process.ts';
import { until } from './patience.ts';
import { releasedRole } from './released.ts';
import type { RoleProcess } from './roles.ts';
import { SpoolRows } from './spool_rows.ts';

/** What no row may ever hold. */
export const SECRET = 'the secret of root';

interface Options {
  layout?: string;
  /** All its folders are in memory, for tests that make very many. */
  inMemory?: boolean;
  /** The sandboxes are on another file system than the pins, so that their logs cannot be linked. */
  noLinks?: boolean;
}

/**
 * The released agent, whose rows stay in its spool: its ClickHouse is a closed port. Beside its data dir is a
 * folder `outside` with a console that no sandbox has, which only root may read.
 */
export class AttackedAgent {
  readonly dir: string;
  /** Where the sandboxes are. */
  readonly vms: string;
  readonly secret: string;
  readonly env: Record<string, string>;
  private readonly role: RoleProcess;
  private readonly spool: SpoolRows;

  private constructor(t: TestContext, port: number, { layout, noLinks, inMemory }: Options) {
    this.dir = mkdtempSync(join(inMemory ? '/dev/shm' : tmpdir(), 'afterlog-attacked-'));
    chmodSync(this.dir, 0o755);
    const data = join(this.dir, 'data');
    mkdirSync(data);
    this.vms = join(data, 'vms');
    const memory = noLinks ? mkdtempSync('/dev/shm/afterlog-attacked-') : null;
    if (memory === null) mkdirSync(this.vms);
    else {
      chmodSync(memory, 0o755);
      symlinkSync(memory, this.vms);
    }
    mkdirSync(join(this.dir, 'outside'));
    this.secret = join(this.dir, 'outside', 'console.log');
    writeFileSync(this.secret, `${SECRET}\n`, { mode: 0o600 });
    const state = join(this.dir, 'state');
    this.env = {
      AFTERLOG_DATA_DIR: data,
      AFTERLOG_STATE_DIR: state,
      AFTERLOG_HOST: 'test-host',
      AFTERLOG_CLICKHOUSE_URL: 'http://127.0.0.1:1',
      AFTERLOG_AGENT_LISTEN: `127.0.0.1:${port}`,
      ...(layout === undefined ? {} : { AFTERLOG_LAYOUT: layout }),
    };
    this.role = releasedRole(t, ['agent'], this.env);
    this.spool = new SpoolRows(join(state, 'spool'));
    t.after(async () => {
      await this.role.kill();
      this.spool.close();
      for (const one of [this.dir, memory]) if (one !== null) rmSync(one, { recursive: true, force: true });
    });
  }

  /** Starts it, and waits until it has read a first line of the sandbox `beside`. */
  static async start(t: TestContext, options: Options = {}): Promise<AttackedAgent> {
    const agent = new AttackedAgent(t, await freePort(), options);
    const inside = (options.layout ?? '').split('{sandbox}')[1]?.slice(1).replace('{log}', '') ?? '';
    mkdirSync(join(agent.vms, 'beside', inside), { recursive: true });
    writeFileSync(join(agent.vms, 'beside', inside, 'console.log'), 'honest\n');
    await agent.restart();
    return agent;
  }

  async restart(): Promise<void> {
    await this.role.kill();
    this.role.start();
    await until(
      () => {
        if (!this.role.isRunning) throw new Error(`the agent ended: ${this.role.output}`);
        return this.linesOf('beside') !== '';
      },
      () => `the agent: ${this.role.output}`,
    );
  }

  get output(): string {
    return this.role.output;
  }

  get pid(): number {
    return this.role.pid;
  }

  /** `POST /flush/<path>`, with the path as it is. @returns status and body */
  async flush(path: string): Promise<{ status: number; body: string }> {
    const [host, port] = this.env.AFTERLOG_AGENT_LISTEN!.split(':');
    return await new Promise((resolve, reject) => {
      const asked = request({ host, port, path: `/flush/${path}`, method: 'POST' }, (response) => {
        text(response).then((body) => resolve({ status: response.statusCode ?? 0, body }), reject);
      });
      asked.on('error', reject);
      asked.end();
    });
  }

  /** All lines of a sandbox's consoles so far. */
  linesOf(sandbox: string): string {
    return this.spool
      .poll()
      .of(sandbox, 'console')
      .rows.filter(({ record }) => record === 'line')
      .map(({ bytes }) => String(bytes))
      .join('');
  }

  /** Ids that have rows, other than `beside`. */
  ids(): string[] {
    const ids = new Set(this.spool.poll().rows.map(({ sandbox }) => sandbox));
    ids.delete('beside');
    return [...ids];
  }

  /** Rows that hold the secret. */
  stolen(): number {
    return this.spool.poll().rows.filter(({ bytes }) => bytes.includes(SECRET)).length;
  }

  /** Bytes of all lines of a sandbox's console so far. */
  bytesOf(sandbox: string): number {
    return this.spool.poll().of(sandbox, 'console').bytes;
  }
}
