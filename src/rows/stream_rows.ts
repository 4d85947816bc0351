import { crc32 } from 'node:zlib';
import { AfterlogError } from '../base/errors.ts';
import { report } from '../base/faults.ts';
import { limits } from '../base/limits.ts';
import { lineEnd } from '../parse/line/split.ts';
import { LineParser, type ParserState } from '../parse/line_parser.ts';
import type { RedactionState, Redactor } from '../redact/redactor.ts';
import type { StreamName, StreamPoint, StreamSink, Taken } from '../tail/sink.ts';
import { record, type SlotLabel, type StreamLabels } from '../wire/batch_builder.ts';
import { addZeros } from '../wire/crc32.ts';
import type { RowTarget } from './row_target.ts';

/** The part of a stream's saved state that its rows need after a crash. */
export interface RowsState {
  /** The secret that its next bytes continue; absent if there is none. */
  redaction?: RedactionState;
  /** The label of its sandbox, if known. */
  workspace?: string;
  template?: string;
  parser: ParserState;
  /**
   * Base64 of the bytes of an unfinished line that have rows already, if they came as pieces. `redaction` and
   * `parser` are as they were before this line.
   */
  head?: string;
}

/** The secret that the next bytes of a stream with this saved state continue; null if there is none. */
export const savedRedaction = (saved: object): RedactionState | null =>
  (saved as RowsState).redaction ?? null;

/** The bytes of the unfinished line that have rows already, which that secret is counted from. */
export const savedHead = (saved: object): Buffer => Buffer.from((saved as RowsState).head ?? '', 'base64');

/**
 * Makes rows of the bytes of one stream: hides secrets, splits lines, parses each and adds it to the batch.
 */
export class StreamRows implements StreamSink, StreamLabels {
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
  private readonly target: RowTarget;
  private readonly parser: LineParser;
  private redaction: RedactionState | null;
  /** Bytes of the unfinished line that have rows already: the whole line is read with them again. */
  private head: Buffer | null;

  /** @param saved the stream's state as an earlier agent saved it; a `RowsState` is part of it */
  constructor(target: RowTarget, { sandbox, log, started }: StreamName, saved: object | null = null) {
    const state = saved as RowsState | null;
    this.target = target;
    this.sandbox_id = sandbox;
    this.log = log;
    const nanoseconds = BigInt(started);
    this.started_low = Number(nanoseconds & 0xffff_ffffn);
    this.started_high = Number(nanoseconds >> 32n);
    this.parser = new LineParser(
      log,
      Number(nanoseconds / 1_000_000_000n),
      Number(nanoseconds % 1_000_000_000n),
      { state: state?.parser },
    );
    this.redaction = state?.redaction ?? null;
    this.head = state?.head === undefined ? null : savedHead(state);
    this.workspace = state?.workspace ?? '';
    this.template = state?.template ?? '';
  }

  lines(before: StreamPoint, bytes: Buffer, start: number, final: boolean, read_ms: number): Taken {
    const { builder, redactor, spare_bytes, counts } = this.target;
    const { all, line: first, at: from } = this.withHead(bytes, start);
    const shown = this.begin(all, first, final);
    const time = timeOf(read_ms);
    let isFull = false;
    let lines = 0;
    let row = first;
    let at = from;
    for (;;) {
      const end = lineEnd(all, row, final);
      if (end < 0 || redactor?.mustWait(all, end, final)) break;
      if (end > at) {
        if (!builder.fits(this, end - at + spare_bytes)) {
          isFull = true;
          break;
        }
        if (lines++ === 0) builder.use(this, time.seconds, time.nanos);
      }
      this.add(shown, row, at, end, before.position + row - from, time);
      row = end;
      at = end;
    }
    counts.lines += lines;
    counts.bytes += at - from;
    if (row > first || this.head === null) {
      this.head = null;
      // Without a redactor, a secret that an earlier one had begun to hide is not continued later.
      if (redactor === null) this.redaction = null;
      else this.took(redactor, row, before.position);
    }
    const isKept = redactor !== null && isFull && all === bytes;
    this.target.hidden = isKept ? { of: this, bytes, at, final, shown } : null;
    const crc = lines === 0 ? before.crc32 : crc32(shown.subarray(from, at), before.crc32);
    return { bytes: at - from, lines, crc32: crc, isFull };
  }

  piece(before: StreamPoint, bytes: Buffer, start: number, read_ms: number): Taken {
    const { builder, redactor, line, spare_bytes, counts } = this.target;
    const nothing = { bytes: 0, lines: 0, crc32: before.crc32, isFull: false };
    const { all, line: first, at } = this.withHead(bytes, start);
    // Its last byte waits for what ends the row.
    const most = Math.min(all.length, first + limits.parse.line_bytes_max - 1);
    const shown = this.begin(all, first, true);
    this.target.hidden = null;
    const end = redactor === null ? most : Math.min(most, redactor.sureEnd());
    if (end <= at) return nothing;
    if (!builder.fits(this, end - at + spare_bytes)) return { ...nothing, isFull: true };
    const { seconds, nanos } = timeOf(read_ms);
    builder.use(this, seconds, nanos);
    this.parser.parsePiece(shown, first, at, end, before.position + first - at, seconds, nanos, line);
    builder.addLine(this, before.position, shown, line);
    this.head = Buffer.from(all.subarray(first, end));
    counts.lines++;
    counts.bytes += end - at;
    return {
      bytes: end - at,
      lines: 1,
      crc32: crc32(shown.subarray(at, end), before.crc32),
      isFull: false,
    };
  }

  /** Bytes with those of the same line before them that have rows already: where the line and they begin. */
  private withHead(bytes: Buffer, start: number): { all: Buffer; line: number; at: number } {
    const { head } = this;
    if (head === null) return { all: bytes, line: start, at: start };
    return { all: Buffer.concat([head, bytes.subarray(start)]), line: 0, at: head.length };
  }

  /** Adds the row of b[at, end), if that is any, of the line b[from, end): earlier rows have the rest. */
  private add(
    b: Buffer,
    from: number,
    at: number,
    end: number,
    position: number,
    { seconds, nanos }: Time,
  ): void {
    const { builder, line } = this.target;
    if (at === from) this.parser.parse(b, from, end, position, seconds, nanos, line);
    else this.parser.parseRest(b, from, at, end, position, seconds, nanos, line);
    if (end > at) builder.addLine(this, position + at - from, b, line);
  }

  /** What follows at this position is not the rest of the unfinished line. */
  private endHead(position: number, now_ms: number): void {
    const { head } = this;
    const { redactor } = this.target;
    if (head === null) return;
    const shown = this.begin(head, 0, true);
    this.add(shown, 0, head.length, head.length, position - head.length, timeOf(now_ms));
    this.redaction = redactor?.took(head.length) ?? null;
    this.target.hidden = null;
    this.head = null;
  }

  private took(redactor: Redactor, at: number, position: number): void {
    const hidden = redactor.counts.whole_line ?? 0;
    this.redaction = redactor.took(at);
    if ((redactor.counts.whole_line ?? 0) === hidden) return;
    const what = `A line of a log was hidden whole: the pattern ${JSON.stringify(redactor.costly)} of redact_patterns would take too many steps on it.`;
    report(new AfterlogError('LINE_HIDDEN', what), {
      sandbox: this.sandbox_id,
      log: this.log,
      from: position,
    });
  }

  /** @returns the bytes as the rows may hold them */
  private begin(bytes: Buffer, start: number, final: boolean): Buffer {
    const { redactor, labels, hidden } = this.target;
    if (!this.isLabelled) labels?.fill(this);
    if (redactor === null) return bytes;
    const isSame = hidden?.of === this && hidden.bytes === bytes && hidden.at === start;
    if (isSame && hidden.final === final) return hidden.shown;
    return redactor.hide(bytes, start, this.redaction, final);
  }

  mark(what: 'gap' | 'seal', position: number, message: object, now_ms: number): void {
    const { builder, labels, counts } = this.target;
    counts[what === 'gap' ? 'gaps' : 'seals']++;
    if (!this.isLabelled) labels?.fill(this);
    this.endHead(position, now_ms);
    builder.use(this, Math.floor(now_ms / 1000), (now_ms % 1000) * 1_000_000);
    builder.addMark(this, record[what], position, JSON.stringify(message));
    if (what === 'seal' && !('reason' in message && message.reason === 'truncated')) {
      // The next sandbox with this id may belong to another workspace.
      labels?.forget(this.sandbox_id);
    }
  }

  nuls(before: StreamPoint, bytes: number, now_ms: number): number {
    this.endHead(before.position, now_ms);
    const { builder, labels } = this.target;
    if (!this.isLabelled) labels?.fill(this);
    builder.use(this, Math.floor(now_ms / 1000), (now_ms % 1000) * 1_000_000);
    builder.addMark(this, record.nuls, before.position, JSON.stringify({ bytes }));
    return addZeros(before.crc32, bytes);
  }

  label({ workspace, template }: SlotLabel): void {
    if (this.workspace === workspace && this.template === template) return;
    const isFirst = this.workspace === '' && this.template === '';
    this.workspace = workspace;
    this.template = template;
    // Rows in the batch that have no label get this one; others keep theirs.
    if (isFirst && this.slot_label !== undefined) Object.assign(this.slot_label, { workspace, template });
    else this.slot_batch = 0;
  }

  caughtUp(now_ms: number): void {
    this.parser.caughtUp(now_ms / 1000);
  }

  state(): RowsState {
    const { redaction, workspace, template, parser, head } = this;
    return {
      ...(redaction !== null && { redaction }),
      ...(workspace !== '' && { workspace }),
      ...(template !== '' && { template }),
      parser: parser.state(),
      ...(head !== null && { head: head.toString('base64') }),
    };
  }
}

interface Time {
  seconds: number;
  nanos: number;
}

const timeOf = (ms: number): Time => ({
  seconds: Math.floor(ms / 1000),
  nanos: (ms % 1000) * 1_000_000,
});
