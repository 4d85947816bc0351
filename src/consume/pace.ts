import { setTimeout as sleep } from 'node:timers/promises';
import { limits } from '../base/limits.ts';

/**
 * Shares a consumer among its partitions: so many land at a time, and at the end of the topic, where messages come
 * one by one, they wait a little to be joined into fewer INSERTs: each makes a part that ClickHouse has to merge.
 */
export class Pace {
  /** Partitions that have something to land, or wait for more. */
  private active = 0;
  private free: number = limits.consume.partitions_at_once;
  private readonly waiting: (() => void)[] = [];

  /** @param land returns how many rows landed @throws what it throws */
  async turn(land: () => Promise<number>, leave: AbortSignal): Promise<void> {
    const started = performance.now();
    this.active++;
    try {
      const rows = await this.inTurn(land);
      if (rows > limits.insert.rows_max / 4) return;
      const spare_ms = this.active * limits.insert.interval_ms - (performance.now() - started);
      if (spare_ms > 0) await sleep(spare_ms, undefined, { signal: leave }).catch(() => {});
    } finally {
      this.active--;
    }
  }

  private async inTurn<T>(work: () => Promise<T>): Promise<T> {
    if (this.free > 0) this.free--;
    else await new Promise<void>((resolve) => this.waiting.push(resolve));
    try {
      return await work();
    } finally {
      const next = this.waiting.shift();
      if (next === undefined) this.free++;
      else next();
    }
  }
}
