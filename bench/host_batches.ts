import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { newLine } from '../src/parse/line/line.ts';
import { lineEnd } from '../src/parse/line/split.ts';
import { Stream } from '../src/tail/stream.ts';
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
  private readonly builder: BatchBuilder;
  private readonly streams: Stream[];
  private readonly line = newLine();
  private sequence = 0;
  private at = 0;

  constructor(host: string, text: Buffer) {
    this.host = host;
    this.text = text;
    this.builder = new BatchBuilder(host);
    const started = String(BigInt(Date.now()) * 1_000_000n);
    this.streams = Array.from(
      { length: SANDBOXES },
      (_, index) => new Stream(`${host}-sb-${index}`, 'console', started),
    );
  }

  /** The next batch: full, or with the given number of lines. */
  next(lines = Number.POSITIVE_INFINITY): Batch {
    const { builder, text, line } = this;
    const stream = this.streams[this.sequence % SANDBOXES]!;
    const seconds = Math.floor(Date.now() / 1_000);
    builder.use(stream, seconds, 0);
    for (let count = 0; count < lines; count++) {
      if (this.at >= text.length) this.at = 0;
      const end = lineEnd(text, this.at, true);
      if (!builder.fits(stream, end - this.at)) break;
      stream.parser.parse(text, this.at, end, stream.position, seconds, 0, line);
      builder.addLine(stream, stream.position, text, line);
      stream.position += end - this.at;
      this.bytes += end - this.at;
      this.rows++;
      this.at = end;
    }
    return builder.finish(this.epoch, ++this.sequence, Math.floor(Date.now() / DAY_MS));
  }
}
