import { AfterlogError } from '../base/errors.ts';
import { report } from '../base/faults.ts';
import { type Cursor, placeKey } from './cursor.ts';
import { entryKind } from './entry.ts';
import { listSegments, SegmentReader, segmentPath } from './segment.ts';

export interface SpooledPayload {
  payload: Buffer;
  /** Where the sender goes on once this payload and all before it are delivered. */
  after: Cursor;
}

/**
 * Reads the payloads of a spool in order, each damage replaced by what stands for it. Where nothing does yet it
 * stops: what comes later must not overtake.
 */
export class Outgoing {
  /** Damage that nothing stands for yet, by place. */
  readonly broken = new Map<string, Cursor>();
  /** Size of what was found damaged when it was to be sent. */
  rotten_bytes = 0;
  private readonly standIns = new Map<string, Cursor | null>();
  private readonly dir: string;
  private reader: SegmentReader | null = null;
  /** Read, and too much for the call that read it. */
  private held: SpooledPayload | null = null;

  constructor(dir: string) {
    this.dir = dir;
  }

  /** @returns whether it is new */
  breaksAt(place: Cursor): boolean {
    const key = placeKey(place);
    if (this.broken.has(key) || this.standIns.has(key)) return false;
    this.broken.set(key, place);
    return true;
  }

  /** @param standIn the entry that is sent in its place; null: nothing needs to be */
  mended(place: Cursor, standIn: Cursor | null): void {
    this.broken.delete(placeKey(place));
    this.standIns.set(placeKey(place), standIn);
  }

  /** @param end the current segment, and up to where it is durable */
  read(from: Cursor, end: Cursor, countMax: number, bytesMax: number): SpooledPayload[] {
    const found: SpooledPayload[] = [];
    let bytes = 0;
    while (found.length < countMax) {
      const next = this.held ?? this.next(from, end);
      this.held = null;
      if (next === null) break;
      bytes += next.payload.length;
      if (bytes > bytesMax && found.length > 0) {
        this.held = next;
        break;
      }
      found.push(next);
    }
    return found;
  }

  private next(from: Cursor, end: Cursor): SpooledPayload | null {
    for (;;) {
      this.reader ??= this.open(from, end.segment);
      const { reader } = this;
      const before = reader.offset;
      const place: Cursor = { segment: reader.number, offset: before };
      const entry = reader.next(reader.number === end.segment ? end.offset : undefined);
      if (entry?.payload != null) {
        // A stand-in had its turn where the damage is.
        if (entry.payload.length === 0 || entry.head.kind === entryKind.standIn) continue;
        return { payload: entry.payload, after: { segment: reader.number, offset: reader.offset } };
      }
      let after: Cursor = { segment: reader.number, offset: reader.offset };
      if (entry === null) {
        if (reader.number >= end.segment) return null;
        after = { segment: this.segmentAfter(reader.number, end.segment), offset: 0 };
      } else if (this.breaksAt(place)) {
        this.rotten_bytes += reader.offset - before;
        reportDamage(`Entries at ${before} of ${segmentPath(this.dir, reader.number)} are damaged`);
      }
      const standIn = this.standIns.get(placeKey(place)) ?? null;
      const payload = standIn === null ? null : this.payloadOf(standIn, end);
      if (this.broken.has(placeKey(place)) || (standIn !== null && payload === null)) {
        reader.offset = before;
        return null;
      }
      if (entry === null) {
        reader.close();
        this.reader = new SegmentReader(this.dir, after.segment);
      }
      if (payload !== null) return { payload, after };
    }
  }

  /** @returns null while it is not durable */
  private payloadOf(standIn: Cursor, end: Cursor): Buffer | null {
    const reader = new SegmentReader(this.dir, standIn.segment, standIn.offset);
    try {
      return reader.next(standIn.segment === end.segment ? end.offset : undefined)?.payload ?? null;
    } finally {
      reader.close();
    }
  }

  private open(from: Cursor, current: number): SegmentReader {
    const existing = listSegments(this.dir).find((number) => number >= from.segment) ?? current;
    return new SegmentReader(this.dir, existing, existing === from.segment ? from.offset : 0);
  }

  private segmentAfter(number: number, current: number): number {
    return listSegments(this.dir).find((other) => other > number) ?? current;
  }

  /** Reads again from the first payload that is not delivered. */
  rewind(): void {
    this.held = null;
    this.reader?.close();
    this.reader = null;
  }

  /** A segment is deleted. */
  leave(number: number): void {
    if (this.reader?.number === number) this.rewind();
  }
}

export function reportDamage(what: string): void {
  report(new AfterlogError('SPOOL_DAMAGED', `${what}.`), {}, 'error');
}
