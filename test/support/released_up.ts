import { chmodSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { until } from './patience.ts';
import { releasedRole, runReleased } from './released.ts';
import type { RoleProcess } from './roles.ts';
import { temporaryDir } from './temporary.ts';

/** The released `afterlog up` on a new data dir, with its own ClickHouse. */
export class ReleasedUp {
  readonly dir: string;
  readonly role: RoleProcess;
  readonly environment: Record<string, string>;

  private constructor(t: TestContext, dir: string) {
    this.dir = dir;
    // Everybody may come as far as this folder.
    chmodSync(dir, 0o755);
    mkdirSync(join(dir, 'data', 'vms'), { recursive: true });
    this.environment = {
      AFTERLOG_DATA_DIR: join(dir, 'data'),
      AFTERLOG_STATE_DIR: join(dir, 'state'),
      XDG_CACHE_HOME: join(dir, 'cache'),
    };
    this.role = releasedRole(t, ['up'], {
      ...this.environment,
      AFTERLOG_LISTEN: '127.0.0.1:0',
      AFTERLOG_AGENT_LISTEN: '127.0.0.1:0',
    });
  }

  static async start(t: TestContext): Promise<ReleasedUp> {
    const up = new ReleasedUp(t, await temporaryDir(t));
    await up.start();
    return up;
  }

  async start(): Promise<void> {
    this.role.output = '';
    this.role.start();
    await until(
      () => {
        if (!this.role.isRunning) throw new Error(`it ended:\n${this.role.output}`);
        // Version 0.1.0 says “Up.”.
        return /^(Running|Up)\./m.test(this.role.output);
      },
      () => `up does not run:\n${this.role.output}`,
    );
  }

  /** The address of its ClickHouse. */
  get clickhouse(): string {
    return /ClickHouse: (http:\/\/[\d.:]+)/.exec(this.role.output)![1]!;
  }

  /** `afterlog sql …` of the operator. */
  async sql(...args: string[]): Promise<{ code: number | null; text: string }> {
    const { code, stdout, stderr } = await runReleased(['sql', ...args], this.environment);
    return { code, text: String(stdout) + stderr };
  }
}
