import { AfterlogError } from '../base/errors.ts';
import { report } from '../base/faults.ts';
import { type Cursor, placeKey } from './cursor.ts';
import { entryKind } from './entry.ts';
import { listSegments, SegmentReader, segmentPath } from './segment.ts';

export interface SpooledPayload {
  payload: Buffer;
  /** New place of the cursor when this payload and all before it are delivered. */
  after: Cursor;
}

/**
 * Reads the payloads of a spool in order, and replaces damaged entries by their stand-in. It stops at damage
 * that has no stand-in yet, because later payloads must not overtake.
 */
export class Outgoing {
  /** Damage without a stand-in, by place. */
  readonly broken = new Map<string, Cursor>();
  /** Bytes of damage that was first found while sending. */
  rotten_bytes = 0;
  private readonly standIns = new Map<string, Cursor | null>();
  private readonly dir: string;
  private reader: SegmentReader | null = null;
  /** A payload that was read but exceeded the limit of that call. */
  private held: SpooledPayload | null = null;

  constructor(dir: string) {
    this.dir = dir;
  }

  /** Registers damage. @returns whether it is new */
  breaksAt(place: Cursor): boolean {
    const key = placeKey(place);
    if (this.broken.has(key) || this.standIns.has(key)) return false;
    this.broken.set(key, place);
    return true;
  }

  /** @param standIn the place of the entry that replaces the damage; null if no replacement is needed */
  mended(place: Cursor, standIn: Cursor | null): void {
    this.broken.delete(placeKey(place));
    this.standIns.set(placeKey(place), standIn);
  }

  /** @param end the current segment and the end of its durable part */
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
        // A stand-in is sent in the place of the damage, not here.
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
        this.reader = new SegmentReader(this.dir, after.segment);
        reader.close();
      }
      if (payload !== null) return { payload, after };
    }
  }

  /** @returns null while the stand-in is not durable */
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

  /** The next read starts again at the first undelivered payload. */
  rewind(): void {
    this.held = null;
    this.reader?.close();
    this.reader = null;
  }

  /** Closes the segment's file before the segment is deleted. */
  leave(number: number): void {
    if (this.reader?.number === number) this.rewind();
  }
}

export function reportDamage(what: string): void {
  report(new AfterlogError('SPOOL_DAMAGED', `${what}.`), {}, 'error');
}
