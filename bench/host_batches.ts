import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { lineEnd } from '../src/parse/line/split.ts';
import { RowTarget } from '../src/rows/row_target.ts';
import { StreamRows } from '../src/rows/stream_rows.ts';
import { BatchBuilder } from '../src/wire/batch_builder.ts';
import { newEpoch } from '../src/wire/epoch.ts';
import type { Batch } from '../src/wire/header.ts';

const SANDBOXES = 4;
const DAY_MS = 86_400_000;

/** The text of the consoles of bench/corpus.ts. */
export function corpusText(dir: string): Buffer {
  const vms = join(dir, 'vms');
  return Buffer.concat(readdirSync(vms).map((id) => readFileSync(join(vms, id, 'console.log'))));
}

/** Batches of one host, as its agent would make them from consoles with this text, repeated without end. */
export class HostBatches {
  readonly host: string;
  readonly epoch = newEpoch();
  rows = 0;
  bytes = 0;
  private readonly text: Buffer;
  private readonly target: RowTarget;
  private readonly streams: { rows: StreamRows; position: number; crc32: number }[];
  private sequence = 0;
  private at = 0;

  constructor(host: string, text: Buffer) {
    this.host = host;
    this.text = text;
    this.target = new RowTarget(new BatchBuilder(host));
    const started = String(BigInt(Date.now()) * 1_000_000n);
    this.streams = Array.from({ length: SANDBOXES }, (_, index) => ({
      rows: new StreamRows(this.target, { sandbox: `${host}-sb-${index}`, log: 'console', started }),
      ...{ position: 0, crc32: 0 },
    }));
  }

  /** The next batch: full, or with the given number of lines. */
  next(lines = Number.POSITIVE_INFINITY): Batch {
    const { text } = this;
    const { builder } = this.target;
    const stream = this.streams[this.sequence % SANDBOXES]!;
    for (let isFull = false; !isFull && builder.rows < lines; ) {
      if (this.at >= text.length) this.at = 0;
      const some = Number.isFinite(lines) ? text.subarray(0, lineEnd(text, this.at, true)) : text;
      const taken = stream.rows.lines(stream, some, this.at, true, Date.now());
      this.at += taken.bytes;
      this.bytes += taken.bytes;
      this.rows += taken.lines;
      stream.position += taken.bytes;
      isFull = taken.isFull;
    }
    return builder.finish(this.epoch, ++this.sequence, Math.floor(Date.now() / DAY_MS));
  }
}
