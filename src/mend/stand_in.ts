import { closeSync, openSync, readSync } from 'node:fs';
import { limits } from '../base/limits.ts';
import { newLine } from '../parse/line/line.ts';
import { lineEnd } from '../parse/line/split.ts';
import type { Redactor } from '../redact/redactor.ts';
import { type FoundPin, sameFile } from '../tail/pins.ts';
import { Stream, type StreamTotals } from '../tail/stream.ts';
import { BatchBuilder, record } from '../wire/batch_builder.ts';
import { epochStart } from '../wire/epoch.ts';
import type { Batch } from '../wire/header.ts';
import { areLost, type Loss } from './loss.ts';

/** Room in a batch for the row that says how many others found none. */
const LAST_ROW_BYTES = 1_024;

export interface BatchPlace {
  host: string;
  epoch: number;
  sequence: number;
  ingest_day: number;
}

/** Rows in the place of a damage: lines read again where a pin still holds them, else gap rows, and lost seals. */
export class StandIn {
  rows = 0;
  private readonly builder: BatchBuilder;
  private readonly line = newLine();
  private readonly seconds = Math.floor(Date.now() / 1_000);
  private omitted = 0;

  constructor(host: string) {
    this.builder = new BatchBuilder(host);
  }

  /** @returns false when they do not all fit; then this stand-in is of no use any more */
  lines(loss: Loss, bytes: Buffer): boolean {
    const stream = streamOf(loss);
    const { builder, line } = this;
    let isEntered = false;
    for (let at = 0; at < bytes.length; ) {
      const end = lineEnd(bytes, at, true);
      if (!builder.fits(stream, end - at + LAST_ROW_BYTES)) return false;
      if (!isEntered) builder.use(stream, this.seconds, 0);
      isEntered = true;
      stream.parser.parse(bytes, at, end, loss.from + at, this.seconds, 0, line);
      builder.addLine(stream, loss.from + at, bytes, line);
      this.rows++;
      at = end;
    }
    return true;
  }

  mark(loss: Loss, what: 'gap' | 'seal', position: number, message: object): void {
    const stream = streamOf(loss);
    const text = JSON.stringify(message);
    if (!this.builder.fits(stream, text.length + LAST_ROW_BYTES)) {
      this.omitted++;
      return;
    }
    this.builder.use(stream, this.seconds, 0);
    this.builder.addMark(stream, record[what], position, text);
    this.rows++;
  }

  /** A row of no log: all that can be said of a batch. */
  note(id: BatchPlace, reason: string): void {
    // As of a batch that is missing: the key says epoch and sequence.
    const started = epochStart(id.epoch);
    const nobody = new Stream('', '', String(started));
    this.builder.use(nobody, this.seconds, 0);
    this.builder.addMark(nobody, record.gap, id.sequence, JSON.stringify({ bytes: null, reason }));
    this.rows++;
  }

  finish(id: BatchPlace, reason: string): Batch {
    if (this.omitted > 0) this.note(id, `${reason}; ${this.omitted} more gaps and seals have no room here`);
    return this.builder.finish(id.epoch, id.sequence, id.ingest_day);
  }
}

const streamOf = ({ sandbox, log, started, before }: Loss): Stream =>
  new Stream(sandbox, log, started, before?.stream.started === started ? before.stream : undefined);

/** The bytes that are lost, from the pin that held them; null when it is gone, or holds others. */
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
  const bytes = Buffer.alloc(length);
  const fd = openSync(found.pin.path, 'r');
  try {
    const read = readSync(fd, bytes, 0, length, isGoingOn ? before.file.offset : 0);
    if (read !== length) return null;
    const { redaction = null } = isGoingOn ? before.stream : {};
    // A copy: the redactor uses its own again.
    const shown = redactor === null ? bytes : Buffer.from(redactor.hide(bytes, 0, redaction));
    return areLost(shown, loss) ? shown : null;
  } finally {
    closeSync(fd);
  }
}

/** What a seal says, from the totals of its stream. */
export const sealOf = (totals: StreamTotals, reason: string): object => ({
  ...totals,
  complete: totals.gaps === 0,
  reason,
});
