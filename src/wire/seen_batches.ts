import { limits } from '../base/limits.ts';
import type { BatchHeader } from './header.ts';

/** Sequences, both ends included. */
interface Run {
  from: number;
  to: number;
}

/**
 * Which batches a reader of the topic had already: the topic may hold a batch twice or late. The sequences
 * are kept as runs and not as a highest one, so that a forged sequence far ahead hides no batch behind it.
 * It forgets the epochs that were silent for longest.
 */
export class SeenBatches {
  /** Host and epoch → runs in order, with holes between them. The epoch that came last is the last one. */
  private readonly epochs = new Map<string, Run[]>();

  /** @returns whether the batch comes for the first time */
  add({ host, epoch, sequence }: Pick<BatchHeader, 'host' | 'epoch' | 'sequence'>): boolean {
    const key = `${host}/${epoch}`;
    // A send that began before the reader may be repeated behind its first batch.
    const runs = this.epochs.get(key) ?? [{ from: sequence - limits.send.batches_max, to: sequence - 1 }];
    this.epochs.delete(key);
    this.epochs.set(key, runs);
    if (this.epochs.size > limits.topic.epochs_max) this.epochs.delete(this.epochs.keys().next().value!);
    return addTo(runs, sequence);
  }
}

function addTo(runs: Run[], sequence: number): boolean {
  // Mostly the next one of the last run.
  let at = runs.length;
  while (at > 0 && runs[at - 1]!.from > sequence) at--;
  const before = runs[at - 1];
  const after = runs[at];
  if (before !== undefined && before.to >= sequence) return false;
  if (before?.to === sequence - 1) {
    before.to = sequence;
    if (after?.from === sequence + 1) {
      before.to = after.to;
      runs.splice(at, 1);
    }
  } else if (after?.from === sequence + 1) after.from = sequence;
  else runs.splice(at, 0, { from: sequence, to: sequence });
  // The oldest hole is the one that is least likely to be filled.
  if (runs.length > limits.topic.runs_max) runs.splice(0, 2, { from: runs[0]!.from, to: runs[1]!.to });
  return true;
}
