import { limits } from '../base/limits.ts';

/** What one sandbox has on its way: read, and not delivered yet. */
export interface Account {
  /** As `costOf`. */
  cost: number;
}

/** The cost of lines on their way to the destination: their bytes, and some more for each row. */
export const costOf = (bytes: number, lines: number): number => bytes + limits.fair.row_cost_bytes * lines;

/**
 * Shares out what may be on its way at a time. A file on disk is a buffer that costs nothing, but all that
 * was read before a line is delivered before it. So a sandbox that writes more than can be delivered is read
 * only as fast as its share is, and the lines of the others pass.
 *
 * The shares are max–min fair: sandboxes on their way with little leave the rest of the window to those with
 * more, and a single one may have all of it.
 */
export class FairShares {
  /** Of all accounts. */
  cost = 0;
  /** The cost that is delivered in `limits.fair.delay_ms`, as of late. */
  window_bytes: number = limits.fair.window_bytes_min;
  /** Of the queue in which everything waits. */
  room_bytes = 0;
  private readonly accounts = new Set<Account>();
  private rate_per_ms = 0;
  /** Since when something is on its way, or when some of it last arrived. */
  private busySince_ms = 0;

  took(account: Account, cost: number): void {
    if (this.cost === 0) this.busySince_ms = performance.now();
    this.cost += cost;
    account.cost += cost;
    this.accounts.add(account);
  }

  /** Some of an account's cost is delivered. */
  arrived(account: Account, cost: number): void {
    this.cost -= cost;
    account.cost -= cost;
    if (account.cost <= 0) this.accounts.delete(account);
  }

  /** So much was delivered since the last call, of all accounts together. */
  measure(cost: number): void {
    const now_ms = performance.now();
    const busy_ms = Math.max(1, now_ms - this.busySince_ms);
    this.busySince_ms = now_ms;
    const weight = Math.min(1, busy_ms / limits.fair.rate_over_ms);
    this.rate_per_ms += (cost / busy_ms - this.rate_per_ms) * weight;
    const { delay_ms, window_bytes_min, window_bytes_max } = limits.fair;
    const fit = this.rate_per_ms * delay_ms;
    this.window_bytes = Math.min(window_bytes_max, Math.max(window_bytes_min, fit));
  }

  /** During an outage a short queue helps nobody, and bytes are safer in the spool than in their files. */
  private get leastShare(): number {
    const { share_bytes_min, outage_ms, outage_share } = limits.fair;
    if (performance.now() - this.busySince_ms < outage_ms) return share_bytes_min;
    return Math.max(share_bytes_min, this.room_bytes * outage_share);
  }

  /**
   * Whether this account has at least its share on its way. Its share is the level up to which the window
   * fills all accounts: `sum of min(cost, level) = window`.
   */
  isOver({ cost }: Account): boolean {
    if (this.cost < this.window_bytes || cost < this.leastShare) return false;
    // Nobody has less than an equal share: this answers for most without a look at the others.
    if (cost * this.accounts.size < this.window_bytes) return false;
    let filled = 0;
    for (const other of this.accounts) {
      filled += Math.min(other.cost, cost);
      if (filled >= this.window_bytes) return true;
    }
    return false;
  }
}
