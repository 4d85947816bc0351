/** The part of the evidence that outlives a consumer, in the metadata of the group's offset. */
export interface Kept {
  /** Messages that were set aside, less the batches that jumps skipped. */
  unlanded: number;
  /** Messages that the topic lost before they were read, in all. */
  lost: number;
  /** Time of the last loss; 0 if there was none. */
  lost_ms: number;
  /** Time at which the partition was read from its first message; 0 if another program has read that. */
  restarted_ms: number;
  /** 1: nothing showed then that the topic ever had more. */
  whole: number;
  /** Per epoch that came after a loss: `lost` at its last batch. The epoch that came last is the last one. */
  seen: Map<string, number>;
  /** Per epoch: the missing batches that its jumps explain because they were set aside. */
  jumps: Map<string, number>;
}

const HASH_LENGTH = 6;
/** Kafka allows 4,096 by default. */
const METADATA_MAX = 4_000;

/** @param next the offset; a mirror may copy metadata to another one */
export function writeKept(kept: Kept, next: number): string {
  for (;;) {
    const text = JSON.stringify({
      ...kept,
      afterlog: 1,
      next,
      seen: runs(kept.seen),
      jumps: [...kept.jumps],
    });
    if (text.length <= METADATA_MAX || kept.seen.size === 0) return text;
    // Only losses between nearly every two epochs make it so long.
    const oldest = [...kept.seen.keys()].slice(0, Math.ceil(kept.seen.size / 4));
    for (const key of oldest) kept.seen.delete(key);
  }
}

/** null: another program or 0.1.0 committed this offset. */
export function parseKept(metadata: string | null, committed: number): Kept | null {
  try {
    const { afterlog, next, seen, jumps, ...numbers } = JSON.parse(metadata ?? '');
    if (afterlog !== 1 || next !== committed) return null;
    const { unlanded, lost, lost_ms, restarted_ms, whole } = numbers;
    const kept: Kept = {
      ...{ unlanded, lost, lost_ms, restarted_ms, whole },
      ...{ seen: new Map(), jumps: new Map(jumps) },
    };
    for (const [then, hashes] of seen as [number, string][]) {
      for (let at = 0; at < hashes.length; at += HASH_LENGTH) {
        kept.seen.set(hashes.slice(at, at + HASH_LENGTH), then);
      }
    }
    const all = [unlanded, lost, lost_ms, restarted_ms, whole, ...kept.seen.values(), ...kept.jumps.values()];
    return all.every((one) => Number.isSafeInteger(one) && one >= 0) ? kept : null;
  } catch {
    return null;
  }
}

/** Epochs that follow each other and have the same number share it. */
function runs(seen: Map<string, number>): [number, string][] {
  const found: [number, string][] = [];
  for (const [hash, then] of seen) {
    const last = found.at(-1);
    if (last?.[0] === then) last[1] += hash;
    else found.push([then, hash]);
  }
  return found;
}
