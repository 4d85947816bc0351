import { limits } from '../../base/limits.ts';
import type { Store } from '../query.ts';
import type { LogId } from './read_log.ts';
import { readShortTail, readShortTails, type ShortTail } from './short_tail.ts';

interface Asked {
  id: LogId;
  lines: number;
  resolve(tail: ShortTail | null): void;
  reject(error: unknown): void;
}

/**
 * Short tails as `readShortTail` reads them. Requests that arrive while `limits.read.tail_queries` queries
 * run wait for one of these to end. Then they share one query, which costs less than half as much for each,
 * because most of a query is its planning.
 */
export class SharedTails {
  private readonly store: Store;
  private running = 0;
  private waiting: Asked[] = [];
  /** Until then no query is shared, because ClickHouse refused one. */
  private apart_until_ms = 0;

  constructor(store: Store) {
    this.store = store;
  }

  /** @throws AfterlogError as selectRows */
  async read(id: LogId, lines: number): Promise<ShortTail | null> {
    if (lines > limits.read.short_tail_lines) return null;
    return await new Promise((resolve, reject) => {
      this.waiting.push({ id, lines, resolve, reject });
      this.next();
    });
  }

  private next(): void {
    while (this.waiting.length > 0) {
      const isApart = performance.now() < this.apart_until_ms;
      if (!isApart && this.running >= limits.read.tail_queries) return;
      const some = isApart ? [this.waiting[0]!] : this.alike(this.waiting[0]!);
      this.waiting = this.waiting.filter((one) => !some.includes(one));
      this.running++;
      void this.answer(some).finally(() => {
        this.running--;
        this.next();
      });
    }
  }

  /** The waiting requests that can share a query. */
  private alike({ id, lines }: Asked): Asked[] {
    return this.waiting
      .filter((one) => one.lines === lines && one.id.log === id.log && one.id.workspace === id.workspace)
      .slice(0, limits.read.tails_shared_max);
  }

  /** Never rejects. */
  private async answer(some: Asked[]): Promise<void> {
    const { id, lines } = some[0]!;
    try {
      const sandboxes = [...new Set(some.map((one) => one.id.sandbox_id))];
      const shared = sandboxes.length > 1 ? await readShortTails(this.store, id, sandboxes, lines) : null;
      if (shared === null && sandboxes.length > 1) {
        this.apart_until_ms = performance.now() + limits.read.tails_apart_ms;
      }
      const alone = async (sandbox: string): Promise<[string, ShortTail | null]> => [
        sandbox,
        await readShortTail(this.store, { ...id, sandbox_id: sandbox }, lines),
      ];
      const found = shared ?? new Map(await Promise.all(sandboxes.map(alone)));
      for (const one of some) one.resolve(found.get(one.id.sandbox_id) ?? null);
    } catch (error) {
      for (const one of some) one.reject(error);
    }
  }
}
