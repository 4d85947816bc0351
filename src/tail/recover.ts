import { Generation } from './generation.ts';
import type { LogTail, Sink, TailState } from './log_tail.ts';
import { type FoundPin, sameFile } from './pins.ts';

/**
 * Queues what an earlier agent left of one log: the file it was reading, at the offset where it stopped, and the
 * generations after it. Where files have names in the folder, the look that follows tells.
 * @param found this log's pins
 * @returns pins that have no name of their own yet; the look at the folder finds their place
 */
export function recoverTail(
  tail: LogTail,
  state: TailState | null,
  found: FoundPin[],
  sink: Sink,
): FoundPin[] {
  const named = found.filter((one) => one.stream !== null).sort(byAge);
  const unnamed = found.filter((one) => one.stream === null);
  if (state === null) {
    // The spool knows nothing of this log: what is pinned is read again, under the same identity.
    let stream: string | null = null;
    for (const one of named) {
      tail.enqueue(one.pin, one.stream === stream ? null : stream === null ? 'first' : 'recreated', 'gone');
      stream = one.stream;
    }
    return unnamed;
  }
  tail.restore(state);
  const current = found.find((one) => sameFile(one.pin, state.file));
  const later: FoundPin[] = [];
  for (const one of named) {
    if (one === current) continue;
    const isDone = compare(one.stream!, state.stream.started) || one.generation - state.file.number;
    if (isDone <= 0) tail.kept.push(one.pin);
    else later.push(one);
  }
  if (state.sealed !== null) {
    // After a truncation the same file holds the next stream; after anything else it is done with.
    if (current && state.sealed === 'truncated')
      tail.queue.push(new Generation(current.pin, 0, 'truncated', 0, true));
    else if (current) tail.kept.push(current.pin);
  } else if (current) {
    const { number, offset, skips_hole, tail_bytes, tail_crc32 } = state.file;
    const generation = new Generation(current.pin, number, null, offset, skips_hole);
    generation.tail_bytes = tail_bytes;
    generation.tail_crc32 = tail_crc32;
    generation.stand('gone');
    tail.queue.push(generation);
  } else {
    tail.sealLost(state.file);
  }
  let stream = state.stream.started;
  for (const one of later) {
    const continues = one.stream === stream && tail.sealed === null;
    tail.enqueue(one.pin, continues ? null : 'recreated', 'gone');
    stream = one.stream!;
  }
  sink.changed(tail);
  return unnamed.filter((one) => one !== current);
}

const compare = (a: string, b: string): number => (BigInt(a) < BigInt(b) ? -1 : a === b ? 0 : 1);

function byAge(a: FoundPin, b: FoundPin): number {
  return compare(a.stream!, b.stream!) || a.generation - b.generation;
}
