import type { Cursor } from './cursor.ts';
import { entryKind, STANDS_FOR } from './entry.ts';
import { listSegments, type ReadEntry, SegmentReader } from './segment.ts';

/** State of streams by key; null: the stream is over. What is in them the spool does not know. */
export type StateChanges = Record<string, unknown>;

/** Something in the spool, in order. */
export type Found =
  | {
      /** `states` has its changes when it is handed out. */
      what: 'entry';
      place: Cursor;
      kind: number;
      changes: StateChanges;
      payload: Buffer;
      /** Of a stand-in: where the damage is. */
      standsFor: Cursor | null;
    }
  /** Entries are damaged, or missing between two segments: `states` is as before them. */
  | { what: 'damage'; place: Cursor; until: Cursor; reason: string; payload_bytes: number }
  /** The first snapshot that is left is damaged: most states are unknown until the next one. */
  | { what: 'blind' };

/**
 * Walks all entries, oldest first, bringing `states` up to date. Each segment's snapshot is compared with what the
 * one before ends with, so that entries which are missing there show.
 * @param cursor damage is split there: what is before it is delivered
 */
export function* scanSpool(dir: string, cursor: Cursor, states: Map<string, unknown>): Generator<Found> {
  let end: Cursor | null = null;
  /** Since the last snapshot: what is missing then is not known yet, and is no new damage. */
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
            : `behind ${end.offset} of ${nameOf(end.segment)} are missing`;
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

type FoundEntry = Extract<Found, { what: 'entry' }>;

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

/** Whether a snapshot is not what the states before it are. Texts differ in their order, too. */
function differs({ changes }: FoundEntry, states: Map<string, unknown>): boolean {
  const keys = Object.keys(changes);
  return (
    keys.length !== states.size ||
    keys.some((key) => JSON.stringify(changes[key]) !== JSON.stringify(states.get(key)))
  );
}
