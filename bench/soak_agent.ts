import { setTimeout as sleep } from 'node:timers/promises';
import { AgentProcess, memoryOf } from './process.ts';

/** The agent of the soak. It can be killed at any moment except before a truncation. */
export class SoakAgent {
  kills = 0;
  peak_mb = 0;
  readonly agent: AgentProcess;
  /** performance.now() of its start; null while it is not running. */
  private up_ms: number | null = null;
  private truncating = 0;
  private isKillPending = false;

  private readonly pause_ms: number;
  private readonly seen_ms: number;

  /**
   * @param pause_ms time to read new bytes before the file may be truncated
   * @param seen_ms time to link a new file before it may be renamed or deleted
   * @param env more settings
   */
  constructor(
    dataDir: string,
    clickhouse: string,
    pause_ms: number,
    seen_ms = 300,
    env: NodeJS.ProcessEnv = {},
  ) {
    this.pause_ms = pause_ms;
    this.seen_ms = seen_ms;
    this.agent = new AgentProcess(dataDir, clickhouse, [], env);
  }

  async start(): Promise<void> {
    await this.agent.start();
    this.up_ms = performance.now();
  }

  sample(): void {
    if (this.up_ms !== null) this.peak_mb = Math.max(this.peak_mb, memoryOf(this.agent.pid).peak_mb);
  }

  /** Ends the agent with the signal, and starts another one after `down_ms`. */
  async kill(down_ms: number, signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    this.isKillPending = true;
    while (this.truncating > 0) await sleep(5);
    this.sample();
    this.up_ms = null;
    await this.agent.end(signal);
    this.kills++;
    await sleep(down_ms);
    await this.start();
    this.isKillPending = false;
  }

  /**
   * Resolves when one agent has run for `pause_ms` after `since_ms`, and so has seen the files of that time.
   */
  async seen(since_ms: number, pause_ms = this.seen_ms): Promise<void> {
    while (
      this.up_ms === null ||
      !this.agent.isRunning ||
      performance.now() < Math.max(since_ms, this.up_ms) + pause_ms
    )
      await sleep(20);
  }

  /**
   * Truncates while an agent runs that had time to read the bytes: a truncation while none runs loses them.
   * @param mustSee the agent lives until it has seen it: nobody can tell how much of a file was written over
   * while none ran
   */
  async truncate(since_ms: () => number, truncate: () => void, mustSee = false): Promise<void> {
    while (this.isKillPending) await sleep(20);
    this.truncating++;
    try {
      await this.seen(since_ms(), this.pause_ms);
      truncate();
      if (mustSee) await sleep(this.seen_ms);
    } finally {
      this.truncating--;
    }
  }
}
