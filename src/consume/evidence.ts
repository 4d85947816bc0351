import { limits } from '../base/limits.ts';
import type { PartitionOffsets } from '../kafka/offsets.ts';
import type { BatchHeader } from '../wire/header.ts';

/**
 * Shows which jumps in the sequence of an epoch a partition explains. Anybody who may produce can send a jump
 * in the name of another host; if it were believed, the host's own batches in between would count as landed.
 * A partition explains as many missing batches as it had messages that landed as nothing: those that
 * retention took, and those that were set aside. So a jump is never cheaper than the batches that it skips.
 *
 * The number is kept in the metadata of the group's offset: it changes with the offset, whichever consumer
 * reads the partition, and it goes with the topic.
 */
export class Evidence {
  /** Messages before the committed offset that landed as nothing, less the batches that jumps skipped. */
  private unlanded = 0;
  /** The same since then, by offset: a fetch that fails is read again, and must not count twice. */
  private readonly since = new Map<number, number>();
  /** Offsets of believed jumps since then, and the batches that each skips. */
  private readonly believed = new Map<number, number>();
  /**
   * Epochs that came since the partition is read from its first message; null if it was not read from there.
   * The topic does not have what came before its first message, so there an epoch may begin anywhere.
   */
  private seen: Set<string> | null = null;
  /** Epochs of the fetch that is being landed, with the offset of their first batch. */
  private coming = new Map<string, number>();

  /** The partition was assigned, and is read from its committed offset, or else from its first message. */
  begin({ committed, low, high, metadata }: PartitionOffsets): void {
    this.since.clear();
    this.believed.clear();
    this.coming.clear();
    const kept = committed === null ? null : parse(metadata, committed);
    const isFromStart =
      committed === null || committed > high || (committed === low && kept === null && low < high);
    if (isFromStart) this.restart(low);
    else {
      this.seen = null;
      this.unlanded = (kept ?? 0) + Math.max(0, low - committed);
    }
  }

  /** The partition is read from its first message, at offset `low`. */
  restart(low: number): void {
    this.unlanded = low;
    this.since.clear();
    this.believed.clear();
    this.seen = new Set();
  }

  /** Messages that are not in the topic (any more). */
  lost(from: number, count: number): void {
    this.since.set(from, count);
  }

  /**
   * A message was set aside before it landed. A jump counts twice: as itself, and as one batch that the next
   * jump of its epoch lacks. So an epoch that truly lost n batches is believed again after n more.
   */
  setAside(offset: number, isJump: boolean): void {
    this.since.set(offset, isJump ? 2 : 1);
  }

  /** The batches of a fetch that may land, with their offsets. */
  fetched(batches: { header: BatchHeader; offset: number }[]): void {
    this.coming = new Map();
    for (const { header, offset } of batches) {
      if (!this.coming.has(keyOf(header))) this.coming.set(keyOf(header), offset);
    }
  }

  /** Whether the batch at `offset` may come although `missing` batches before it did not. */
  explains(header: BatchHeader, offset: number, missing: number): boolean {
    if (this.believed.has(offset)) return true;
    if (this.seen !== null && !this.seen.has(keyOf(header)) && this.coming.get(keyOf(header)) === offset) {
      return true;
    }
    if (missing > this.countBefore(offset)) return false;
    this.believed.set(offset, missing);
    return true;
  }

  /** The fetch has landed. @returns the metadata to commit with `next` */
  landed(next: number): string {
    this.unlanded = this.countBefore(next);
    this.since.clear();
    this.believed.clear();
    for (const key of this.coming.keys()) this.seen?.add(key);
    if ((this.seen?.size ?? 0) > limits.insert.landed_epochs_max) this.seen = null;
    this.coming.clear();
    return JSON.stringify({ afterlog: 1, next, unlanded: this.unlanded });
  }

  private countBefore(offset: number): number {
    let count = this.unlanded;
    for (const [at, some] of this.since) if (at < offset) count += some;
    for (const some of this.believed.values()) count -= some;
    return count;
  }
}

const keyOf = ({ host, epoch }: BatchHeader): string => `${epoch}/${host}`;

/**
 * The number that was committed with this offset. null: another program or 0.1.0 committed it. A mirror may
 * copy metadata to another offset, so the offset is in it.
 */
function parse(metadata: string | null, committed: number): number | null {
  try {
    const { afterlog, next, unlanded } = JSON.parse(metadata ?? '') as Record<string, unknown>;
    const isOurs = afterlog === 1 && next === committed && Number.isSafeInteger(unlanded);
    return isOurs ? Math.max(0, unlanded as number) : null;
  } catch {
    return null;
  }
}
