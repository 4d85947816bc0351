import { crc32 } from 'node:zlib';
import { AfterlogError } from '../base/errors.ts';
import { report } from '../base/faults.ts';
import { lineEnd } from '../parse/line/split.ts';
import { LineParser, type ParserState } from '../parse/line_parser.ts';
import type { RedactionState, Redactor } from '../redact/redactor.ts';
import type { StreamName, StreamPoint, StreamSink, Taken } from '../tail/sink.ts';
import { record, type SlotLabel, type StreamLabels } from '../wire/batch_builder.ts';
import type { RowTarget } from './row_target.ts';

/** The part of a stream's saved state that its rows need after a crash. */
export interface RowsState {
  /** The secret that its next bytes continue; absent if there is none. */
  redaction?: RedactionState;
  /** The label of its sandbox, if known. */
  workspace?: string;
  template?: string;
  parser: ParserState;
}

/** The secret that the next bytes of a stream with this saved state continue; null if there is none. */
export const savedRedaction = (saved: object): RedactionState | null =>
  (saved as RowsState).redaction ?? null;

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
    this.workspace = state?.workspace ?? '';
    this.template = state?.template ?? '';
  }

  lines(before: StreamPoint, bytes: Buffer, start: number, final: boolean, read_ms: number): Taken {
    const { builder, redactor, line, spare_bytes, counts } = this.target;
    const shown = this.begin(bytes, start, final);
    const seconds = Math.floor(read_ms / 1000);
    const nanos = (read_ms % 1000) * 1_000_000;
    let isFull = false;
    let lines = 0;
    let at = start;
    for (;;) {
      const end = lineEnd(bytes, at, final);
      if (end < 0 || redactor?.mustWait(bytes, end, final)) break;
      if (!builder.fits(this, end - at + spare_bytes)) {
        isFull = true;
        break;
      }
      if (lines++ === 0) builder.use(this, seconds, nanos);
      const position = before.position + at - start;
      this.parser.parse(shown, at, end, position, seconds, nanos, line);
      builder.addLine(this, position, shown, line);
      at = end;
    }
    counts.lines += lines;
    counts.bytes += at - start;
    // Without a redactor, a secret that an earlier one had begun to hide is not continued later.
    if (redactor === null) this.redaction = null;
    else {
      this.took(redactor, at, before.position);
      this.target.hidden = isFull ? { of: this, bytes, at, final, shown } : null;
    }
    const crc = lines === 0 ? before.crc32 : crc32(shown.subarray(start, at), before.crc32);
    return { bytes: at - start, lines, crc32: crc, isFull };
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
    builder.use(this, Math.floor(now_ms / 1000), (now_ms % 1000) * 1_000_000);
    builder.addMark(this, record[what], position, JSON.stringify(message));
    if (what === 'seal' && !('reason' in message && message.reason === 'truncated')) {
      // The next sandbox with this id may belong to another workspace.
      labels?.forget(this.sandbox_id);
    }
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
    const { redaction, workspace, template, parser } = this;
    return {
      ...(redaction !== null && { redaction }),
      ...(workspace !== '' && { workspace }),
      ...(template !== '' && { template }),
      parser: parser.state(),
    };
  }
}
