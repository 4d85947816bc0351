import { limits } from '../base/limits.ts';
import { BYTES_BEHIND, type Redactor } from '../redact/redactor.ts';
import { RowTarget } from '../rows/row_target.ts';
import { StreamRows, savedHead, savedRedaction } from '../rows/stream_rows.ts';
import { type FoundPin, readAt, sameFile } from '../tail/pins.ts';
import type { StreamTotals } from '../tail/stream.ts';
import { BatchBuilder } from '../wire/batch_builder.ts';
import { epochStart } from '../wire/epoch.ts';
import type { Batch } from '../wire/header.ts';
import { areLost, type Loss } from './loss.ts';

/** Room for the last row, which counts the rows that found no room. */
const LAST_ROW_BYTES = 1_024;

export interface StandInId {
  host: string;
  epoch: number;
  sequence: number;
  ingest_day: number;
}

/**
 * A batch in the place of a damaged one: lines that a pin still holds, gap rows for the others, and lost
 * seals.
 */
export class StandIn {
  private readonly target: RowTarget;
  /** When all these rows were observed. */
  private readonly now_ms = Math.floor(Date.now() / 1_000) * 1_000;
  private omitted = 0;

  constructor(host: string) {
    this.target = new RowTarget(new BatchBuilder(host), null, null, LAST_ROW_BYTES);
  }

  get rows(): number {
    return this.target.builder.rows;
  }

  /** @returns the number of rows; null if they do not all fit: then this stand-in is useless */
  lines(loss: Loss, bytes: Buffer): number | null {
    const before = { position: loss.from, crc32: 0 };
    const { isFull, lines } = this.rowsOf(loss).lines(before, bytes, 0, true, this.now_ms);
    return isFull ? null : lines;
  }

  mark(loss: Loss, what: 'gap' | 'seal', position: number, message: object): void {
    const rows = this.rowsOf(loss);
    if (this.target.builder.fits(rows, JSON.stringify(message).length + LAST_ROW_BYTES))
      rows.mark(what, position, message, this.now_ms);
    else this.omitted++;
  }

  /** Adds a row that belongs to no log: all that is known of a batch. */
  note(id: StandInId, reason: string): void {
    // As for a missing batch, the key holds epoch and sequence.
    const started = epochStart(id.epoch);
    const nobody = new StreamRows(this.target, { sandbox: '', log: '', started: String(started) });
    nobody.mark('gap', id.sequence, { bytes: null, reason }, this.now_ms);
  }

  finish(id: StandInId, reason: string): Batch {
    if (this.omitted > 0) this.note(id, `${reason}; ${this.omitted} more gaps and seals have no room here`);
    return this.target.builder.finish(id.epoch, id.sequence, id.ingest_day);
  }

  private rowsOf({ sandbox, log, started, before }: Loss): StreamRows {
    const saved = before?.stream.started === started ? before.stream : null;
    // The bytes of a stand-in are hidden already, and these are not.
    const shown = saved === null ? null : { ...saved, head: undefined };
    return new StreamRows(this.target, { sandbox, log, started }, shown);
  }
}

/** Reads lost bytes again through their pin; null if the pin is gone, or holds other bytes. */
export function readAgain(loss: Loss, pins: FoundPin[], redactor: Redactor | null = null): Buffer | null {
  const { before, started, from, to, at } = loss;
  const length = (to ?? 0) - from;
  if (to === null || at === null || length > limits.batch.block_bytes_max) return null;
  if (length === 0) return Buffer.alloc(0);
  const isGoingOn = before?.stream.started === started;
  const found = pins.find(({ pin, stream, generation, sandbox, log }) =>
    isGoingOn
      ? sameFile(pin, before.file)
      : sandbox === loss.sandbox && log === loss.log && stream === started && generation === 0,
  );
  if (!found?.pin.path) return null;
  // What follows a row may decide what is hidden in it.
  const behind = redactor === null ? 0 : BYTES_BEHIND;
  const bytes = readAt(found.pin, isGoingOn ? before.file.offset : 0, length + behind);
  if (bytes.length < length) return null;
  const redaction = isGoingOn ? savedRedaction(before.stream) : null;
  const head = isGoingOn ? savedHead(before.stream) : Buffer.alloc(0);
  // A copy, because the redactor reuses its buffer.
  const hide = (of: Redactor): Buffer =>
    Buffer.from(
      of.hide(Buffer.concat([head, bytes]), 0, redaction).subarray(head.length, head.length + length),
    );
  const shown = redactor === null ? bytes : hide(redactor);
  return areLost(shown, loss) ? shown : null;
}

/** The message of a seal row with these totals. */
export const sealOf = (totals: StreamTotals, reason: string): object => ({
  ...totals,
  complete: totals.gaps === 0,
  reason,
});
