import { readFileSync } from 'node:fs';

/** A time in milliseconds since 1970, of the host clock. */
export interface Span {
  from_ms: number;
  to_ms: number;
}

const LIMIT = '/proc/sys/fs/inotify/max_queued_events';
/** Linux's own default. */
const EVENTS_MAX = 16_384;

/**
 * The system's queue of directory events. When it is full, the system drops events, and Node.js does not say
 * so. But each turn of the event loop reads the queue until it is empty. So if a turn brought fewer events
 * than the queue holds, none were dropped before it.
 */
export class EventQueue {
  /** The last time in which events may have been dropped; null: never. */
  lost: Span | null = null;
  private readonly events_max: number;
  private ofTurn = 0;
  private empty_ms = Date.now();

  constructor(events_max = queueLength()) {
    this.events_max = events_max;
  }

  /** An event came, or there is one that Node.js does not pass on. */
  count(): void {
    // An immediate runs after the events of its turn.
    if (this.ofTurn++ === 0) setImmediate(() => this.wasEmptied());
  }

  /** A turn has read all events. */
  wasEmptied(): void {
    const now_ms = Date.now();
    if (this.ofTurn >= this.events_max)
      this.lost = { from_ms: Math.min(this.empty_ms, now_ms), to_ms: now_ms };
    this.ofTurn = 0;
    this.empty_ms = now_ms;
  }
}

function queueLength(): number {
  try {
    return Number(readFileSync(LIMIT, 'utf8')) || EVENTS_MAX;
  } catch {
    return EVENTS_MAX;
  }
}

/** Calls back once all events that are in the queue now have been delivered. */
export function afterEvents(then: () => void): void {
  // The first immediate may be of this turn, whose events were read before now.
  setImmediate(() => setImmediate(then));
}
