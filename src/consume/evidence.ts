import { createHash } from 'node:crypto';
import { limits } from '../base/limits.ts';
import type { PartitionOffsets } from '../kafka/offsets.ts';
import { epochMs } from '../wire/epoch.ts';
import type { BatchHeader } from '../wire/header.ts';
import { type Kept, parseKept, writeKept } from './kept_evidence.ts';

/**
 * Shows which jumps in the sequence of an epoch a partition explains. Anybody who may produce can send a jump
 * in the name of another host; if it were believed, the host's own batches in between would count as landed.
 *
 * - Messages that the topic lost explain the first batch of each epoch behind them, and no later one.
 * - A message that was set aside explains one missing batch of one epoch.
 * - A jump that was set aside explains missing batches of its own epoch only.
 *
 * All of this is kept in the metadata of the group's offset: it changes with the offset, whichever consumer
 * reads the partition, and it goes with the topic. Apart from the time of a loss, it depends on the messages
 * only, so a fetch that is landed again comes to the same result.
 */
export class Evidence {
  private kept: Kept = newKept();
  /** Messages lost since the last landed fetch, by offset: a fetch that fails is read again. */
  private readonly lostSince = new Map<number, number>();
  /** Offsets of messages set aside since then, in order. */
  private aside: number[] = [];
  /** Offsets of jumps set aside since then, in order, by epoch. */
  private readonly jumps = new Map<string, number[]>();
  /** Offsets of believed jumps since then. */
  private readonly believed = new Set<number>();
  /** Batches that these jumps skip, beyond those that the topic lost. */
  private spent = 0;
  private readonly spentOwn = new Map<string, number>();
  /** The fetch that is being landed: offsets of each epoch, and how many of the first ones were set aside. */
  private coming = new Map<string, { offsets: number[]; aside: number }>();

  /** The partition was assigned, and is read from its committed offset, or else from its first message. */
  begin({ committed, low, high, metadata }: PartitionOffsets): void {
    this.clear();
    const kept = committed === null ? null : parseKept(metadata, committed);
    const isFromStart =
      committed === null || committed > high || (committed === low && kept === null && low < high);
    if (isFromStart) this.restart(low === 0 && (committed ?? 0) === 0);
    else {
      this.kept = kept ?? newKept();
      if (low > committed) this.lost(committed, low - committed);
    }
  }

  /**
   * The partition is read from its first message. The topic does not have what came before, so an epoch that
   * is older than this moment may go on anywhere.
   * @param isWhole nothing shows that the topic ever had more; then an epoch begins with its first batch
   */
  restart(isWhole: boolean): void {
    this.clear();
    this.kept = { ...newKept(), restarted_ms: Date.now(), whole: isWhole ? 1 : 0 };
  }

  /** Messages that are not in the topic (any more). */
  lost(from: number, count: number): void {
    this.lostSince.set(from, count);
    this.kept.lost_ms = Date.now();
  }

  /**
   * A message was set aside before it landed.
   * @param jump the header, if it was set aside as a jump. It counts twice: as itself, and as one batch that
   *   the next jump of its epoch lacks. So an epoch that truly lost n batches is believed after n more.
   */
  setAside(offset: number, jump?: BatchHeader): void {
    if (jump === undefined) {
      addNew(this.aside, offset);
      return;
    }
    const key = keyOf(jump);
    const offsets = this.jumps.get(key) ?? [];
    this.jumps.set(key, offsets);
    addNew(offsets, offset);
    const own = this.coming.get(key);
    if (own?.offsets[own.aside] === offset) own.aside++;
  }

  /** The batches of a fetch that may land, with their offsets. */
  fetched(batches: { header: BatchHeader; offset: number }[]): void {
    this.coming = new Map();
    for (const { header, offset } of batches) {
      const own = this.coming.get(keyOf(header));
      if (own === undefined) this.coming.set(keyOf(header), { offsets: [offset], aside: 0 });
      else own.offsets.push(offset);
    }
  }

  /** Whether the batch at `offset` may come although `missing` batches before it did not. */
  explains(header: BatchHeader, offset: number, missing: number): boolean {
    if (this.believed.has(offset)) return true;
    const key = keyOf(header);
    const rest = Math.max(0, missing - this.lostBefore(header, offset, header.sequence === missing + 1));
    const ownBefore =
      (this.kept.jumps.get(key) ?? 0) +
      2 * countBelow(this.jumps.get(key) ?? [], offset) -
      (this.spentOwn.get(key) ?? 0);
    const own = Math.min(rest, Math.max(0, ownBefore));
    const others = this.kept.unlanded + countBelow(this.aside, offset) - this.spent;
    if (rest - own > Math.max(0, others)) return false;
    this.believed.add(offset);
    this.spentOwn.set(key, (this.spentOwn.get(key) ?? 0) + own);
    this.spent += rest - own;
    return true;
  }

  /** The fetch has landed. @returns the metadata to commit with `next` */
  landed(next: number): string {
    const { kept } = this;
    kept.unlanded = Math.max(0, kept.unlanded + this.aside.length - this.spent);
    for (const key of new Set([...this.jumps.keys(), ...this.spentOwn.keys()])) {
      const before = kept.jumps.get(key) ?? 0;
      const count = before + 2 * (this.jumps.get(key)?.length ?? 0) - (this.spentOwn.get(key) ?? 0);
      kept.jumps.delete(key);
      if (count > 0) kept.jumps.set(key, count);
    }
    forgetOldest(kept.jumps, limits.consume.evidence_jumps_max);
    kept.lost = this.lostNow();
    for (const [key, { offsets, aside }] of this.coming) {
      if (aside === offsets.length) continue;
      kept.seen.delete(key);
      // Without a loss, an epoch that came is like one that did not.
      if (kept.lost > 0 || kept.restarted_ms > 0) kept.seen.set(key, kept.lost);
    }
    forgetOldest(kept.seen, limits.consume.evidence_epochs_max);
    this.clear();
    return writeKept(kept, next);
  }

  /**
   * Messages that the topic lost since the epoch's last batch, if `offset` has its first one behind them.
   * @param isNew no batch of the epoch has landed
   */
  private lostBefore(header: BatchHeader, offset: number, isNew: boolean): number {
    const key = keyOf(header);
    const own = this.coming.get(key);
    if (own === undefined || own.offsets[own.aside] !== offset) return 0;
    const seen = this.kept.seen.get(key);
    if (seen !== undefined) return this.lostNow() - seen;
    // A younger epoch cannot have had a batch among the lost messages.
    const began_ms = epochMs(header.epoch);
    const mayBegin = !isNew || this.kept.whole === 0;
    if (began_ms < this.kept.restarted_ms && mayBegin) return Number.POSITIVE_INFINITY;
    return began_ms < this.kept.lost_ms ? this.lostNow() : 0;
  }

  private lostNow(): number {
    let count = this.kept.lost;
    for (const some of this.lostSince.values()) count += some;
    return count;
  }

  private clear(): void {
    this.lostSince.clear();
    this.aside = [];
    this.jumps.clear();
    this.believed.clear();
    this.spent = 0;
    this.spentOwn.clear();
    this.coming = new Map();
  }
}

const newKept = (): Kept => ({
  ...{ unlanded: 0, lost: 0, lost_ms: 0, restarted_ms: 0, whole: 0 },
  ...{ seen: new Map(), jumps: new Map() },
});

/** A short hash, because the metadata is small. Two epochs with the same hash share their explanation. */
const keyOf = ({ host, epoch }: BatchHeader): string =>
  createHash('sha256').update(`${epoch}/${host}`).digest('base64url').slice(0, 6);

/** Offsets come in order; one that is not higher was added before. */
function addNew(offsets: number[], offset: number): void {
  if (offset > (offsets.at(-1) ?? -1)) offsets.push(offset);
}

/** How many of the ascending offsets are lower. */
function countBelow(offsets: number[], offset: number): number {
  let from = 0;
  let to = offsets.length;
  while (from < to) {
    const middle = (from + to) >> 1;
    if (offsets[middle]! < offset) from = middle + 1;
    else to = middle;
  }
  return from;
}

function forgetOldest(map: Map<string, number>, max: number): void {
  for (const key of map.keys()) {
    if (map.size <= max) return;
    map.delete(key);
  }
}
