import { limits } from '../base/limits.ts';
import { type Cursor, isBefore } from '../spool/cursor.ts';
import type { Account, FairShares } from '../tail/fair_shares.ts';

/** How much of each account is in one entry of the spool. */
export type Costs = Map<Account, number>;

/** A batch shrinks to about an eighth in the spool. */
const UNPACKED = 8;

/**
 * Notes what each sandbox has in every undelivered entry of the spool, so that its share is free again when
 * the entry is delivered.
 */
export class Ledger {
  private readonly shares: FairShares;
  private batch: Costs = new Map();
  private readonly entries: { place: Cursor; costs: Costs }[] = [];
  /** Costs in all entries. */
  private noted = 0;

  constructor(shares: FairShares) {
    this.shares = shares;
  }

  /** An earlier agent left so much in the spool; nobody knows whose it is. */
  found(spool_bytes: number, end: Cursor): void {
    if (spool_bytes === 0) return;
    this.took({ cost: 0 }, spool_bytes * UNPACKED);
    this.appended(end, this.finish());
  }

  /** Rows of this account came into the batch. */
  took(account: Account, cost: number): void {
    this.shares.took(account, cost);
    add(this.batch, account, cost);
  }

  /** @returns the costs of the batch; the next one begins */
  finish(): Costs {
    const { batch } = this;
    if (batch.size > 0) this.batch = new Map();
    return batch;
  }

  /** The batch with these costs has its place in the spool. */
  appended(place: Cursor, costs: Costs): void {
    if (costs.size === 0) return;
    const last = this.entries.at(-1);
    if (last === undefined || this.noted + costs.size <= limits.fair.noted_max) {
      this.entries.push({ place, costs });
      this.noted += costs.size;
      return;
    }
    // Nothing is delivered for long: these count as delivered together with the ones after them.
    this.noted -= last.costs.size;
    for (const [account, cost] of costs) add(last.costs, account, cost);
    this.noted += last.costs.size;
    last.place = place;
  }

  /** All entries before `cursor` are delivered. @param isAll nothing is left in the spool */
  delivered(cursor: Cursor, isAll: boolean): void {
    let sum = 0;
    let count = 0;
    for (const { place, costs } of this.entries) {
      if (!isAll && !isBefore(place, cursor)) break;
      count++;
      this.noted -= costs.size;
      for (const [account, cost] of costs) {
        this.shares.arrived(account, cost);
        sum += cost;
      }
    }
    this.entries.splice(0, count);
    if (sum > 0) this.shares.measure(sum);
  }
}

function add(costs: Costs, account: Account, cost: number): void {
  costs.set(account, (costs.get(account) ?? 0) + cost);
}
