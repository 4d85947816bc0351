import { setTimeout as sleep } from 'node:timers/promises';
import { limits } from '../base/limits.ts';

/**
 * Shares a consumer among its partitions. A few of them land at the same time. At the end of the topic, where
 * messages arrive one by one, a partition waits a little, so that more of them share an INSERT: each INSERT
 * makes a part that ClickHouse has to merge.
 */
export class Pace {
  /** Partitions that have batches to land, or wait for more. */
  private active = 0;
  private free: number = limits.consume.partitions_at_once;
  private readonly waiting: (() => void)[] = [];

  /** @param land returns the number of landed rows @throws whatever `land` throws */
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
