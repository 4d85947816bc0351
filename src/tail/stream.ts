import { crc32 } from 'node:zlib';
import { LineParser, type ParserState } from '../parse/line_parser.ts';
import type { RedactionState } from '../redact/redactor.ts';
import type { SlotLabel, StreamLabels } from '../wire/batch_builder.ts';

/** Totals of a stream as they go into its seal. */
export interface StreamTotals {
  bytes: number;
  lines: number;
  crc32: number;
  gaps: number;
}

/** Everything of a stream that must survive a crash; JSON in the spool. */
export interface StreamState {
  started: string;
  position: number;
  lines: number;
  crc32: number;
  gaps: number;
  /** The last gap row; absent before the first. */
  last_gap?: { position: number; reason: string };
  /** What its next bytes belong to of a secret; absent: nothing. */
  redaction?: RedactionState;
  /** Its sandbox's label, when it is known. */
  workspace?: string;
  template?: string;
  parser: ParserState;
}

/**
 * One console's bytes from its start to its truncation or deletion, across rotations. `position` counts the bytes
 * that are in rows; gaps of known length count too.
 */
export class Stream implements StreamLabels {
  readonly sandbox_id: string;
  readonly log: string;
  workspace = '';
  template = '';
  isLabelled = false;
  readonly started_low: number;
  readonly started_high: number;
  slot = 0;
  slot_batch = 0;
  slot_label: SlotLabel | undefined = undefined;
  /** Nanoseconds since 1970, as text. */
  readonly started: string;
  readonly parser: LineParser;
  position = 0;
  lines = 0;
  crc32 = 0;
  gaps = 0;
  last_gap: { position: number; reason: string } | null = null;
  redaction: RedactionState | null = null;

  constructor(sandbox: string, log: string, started: string, saved?: StreamState) {
    this.sandbox_id = sandbox;
    this.log = log;
    this.started = started;
    const nanoseconds = BigInt(started);
    this.started_low = Number(nanoseconds & 0xffff_ffffn);
    this.started_high = Number(nanoseconds >> 32n);
    this.parser = new LineParser(
      log,
      Number(nanoseconds / 1_000_000_000n),
      Number(nanoseconds % 1_000_000_000n),
      { state: saved?.parser },
    );
    if (!saved) return;
    this.position = saved.position;
    this.lines = saved.lines;
    this.crc32 = saved.crc32;
    this.gaps = saved.gaps;
    this.last_gap = saved.last_gap ?? null;
    this.redaction = saved.redaction ?? null;
    this.workspace = saved.workspace ?? '';
    this.template = saved.template ?? '';
  }

  label({ workspace, template }: SlotLabel): void {
    if (this.workspace === workspace && this.template === template) return;
    const isFirst = this.workspace === '' && this.template === '';
    this.workspace = workspace;
    this.template = template;
    // Rows that are in the batch already and have none get this one; others keep what they have.
    if (isFirst && this.slot_label !== undefined) Object.assign(this.slot_label, { workspace, template });
    else this.slot_batch = 0;
  }

  /** bytes[from, to), as they are in rows now, are behind it. */
  advance(bytes: Buffer, from: number, to: number): void {
    this.position += to - from;
    this.crc32 = crc32(bytes.subarray(from, to), this.crc32);
  }

  totals(): StreamTotals {
    return { bytes: this.position, lines: this.lines, crc32: this.crc32, gaps: this.gaps };
  }

  state(): StreamState {
    const { started, position, lines, crc32, gaps } = this;
    const last_gap = this.last_gap === null ? {} : { last_gap: this.last_gap };
    const { workspace, template } = this;
    const redaction = this.redaction === null ? {} : { redaction: this.redaction };
    const label = {
      ...redaction,
      ...(workspace !== '' && { workspace }),
      ...(template !== '' && { template }),
    };
    return { started, position, lines, crc32, gaps, ...last_gap, ...label, parser: this.parser.state() };
  }
}

/**
 * When a stream starts, nanoseconds since 1970 as text: when its first file was born, else now; always later than the
 * one before.
 */
export function startAfter(before: string | undefined, born: string): string {
  const after = before === undefined ? 0n : BigInt(before) + 1n;
  const now = BigInt(Date.now()) * 1_000_000n;
  const candidates = [BigInt(born), now, after];
  return String(candidates.find((time) => time >= after)!);
}
