import type { Cursor } from './cursor.ts';
import { entryKind, STANDS_FOR } from './entry.ts';
import { listSegments, type ReadEntry, SegmentReader } from './segment.ts';

/** New states of streams by key; null if the stream has ended. The spool does not interpret the states. */
export type StateChanges = Record<string, unknown>;

/** An item of a scan, in the order of the spool. */
export type Scanned =
  | {
      /** `states` already includes the entry's changes. */
      what: 'entry';
      place: Cursor;
      kind: number;
      changes: StateChanges;
      payload: Buffer;
      /** The place of the damage that a stand-in replaces. */
      standsFor: Cursor | null;
    }
  /** Damaged entries, or entries missing between two segments; `states` is as before them. */
  | { what: 'damage'; place: Cursor; until: Cursor; reason: string; payload_bytes: number }
  /** The oldest snapshot is damaged: most states are unknown until the next snapshot. */
  | { what: 'blind' };

/**
 * Reads all entries, oldest first, and applies them to `states`. It compares each segment's snapshot with the
 * states at the end of the segment before, to detect missing entries.
 * @param cursor splits damage into a delivered and an undelivered part
 */
export function* scanSpool(dir: string, cursor: Cursor, states: Map<string, unknown>): Generator<Scanned> {
  let end: Cursor | null = null;
  /** Damage since the last snapshot makes the next snapshot differ, which is then not a new damage. */
  let isDamaged = false;
  for (const number of listSegments(dir)) {
    const reader = new SegmentReader(dir, number, 0, number === cursor.segment ? cursor.offset : -1);
    try {
      for (let entry = reader.next(); entry !== null; entry = reader.next()) {
        const place: Cursor = { segment: number, offset: entry.offset };
        if (entry.state === null) {
          if (entry.offset === 0 && end === null) yield { what: 'blind' };
          const reason = `at ${entry.offset} of ${nameOf(number)} are damaged`;
          const until: Cursor = { segment: number, offset: reader.offset };
          yield { what: 'damage', place, until, reason, payload_bytes: entry.head.payload_bytes };
          isDamaged = true;
          continue;
        }
        const found = take(place, entry);
        if (found.kind === entryKind.snapshot && end !== null && !isDamaged && differs(found, states)) {
          const isMissing = number > end.segment + 1;
          const reason = isMissing
            ? `between ${nameOf(end.segment)} and ${nameOf(number)} are missing`
            : `after ${end.offset} of ${nameOf(end.segment)} are missing`;
          yield { what: 'damage', place: end, until: place, reason, payload_bytes: 0 };
        }
        if (found.kind === entryKind.snapshot) isDamaged = false;
        apply(found, states);
        yield found;
      }
      end = { segment: number, offset: reader.offset };
    } finally {
      reader.close();
    }
  }
}

type FoundEntry = Extract<Scanned, { what: 'entry' }>;

const nameOf = (number: number): string => `${number.toString(16).padStart(12, '0')}.seg`;

function take(place: Cursor, { head, state, payload }: ReadEntry): FoundEntry {
  const { [STANDS_FOR]: standsFor = null, ...changes } = JSON.parse(state!.toString()) as StateChanges;
  return {
    ...{ what: 'entry', place, kind: head.kind, changes, payload: payload! },
    standsFor: standsFor as Cursor | null,
  };
}

function apply({ kind, changes }: FoundEntry, states: Map<string, unknown>): void {
  if (kind === entryKind.snapshot) states.clear();
  for (const [key, state] of Object.entries(changes)) {
    if (state === null) states.delete(key);
    else states.set(key, state);
  }
}

/** Whether a snapshot differs from the states before it. The order of a state's keys counts. */
function differs({ changes }: FoundEntry, states: Map<string, unknown>): boolean {
  const keys = Object.keys(changes);
  return (
    keys.length !== states.size ||
    keys.some((key) => JSON.stringify(changes[key]) !== JSON.stringify(states.get(key)))
  );
}
