import { newLine } from '../parse/line/line.ts';
import type { Redactor } from '../redact/redactor.ts';
import type { BatchBuilder } from '../wire/batch_builder.ts';

/** Carries the label of its sandbox. */
export interface LabelHolder {
  readonly sandbox_id: string;
  /** False while the label is unknown, or may have changed. */
  isLabelled: boolean;
  label(label: { workspace: string; template: string }): void;
}

/** Knows the labels of sandboxes. */
export interface LabelSource {
  fill(one: LabelHolder): void;
  forget(sandbox_id: string): void;
}

/** A chunk of which a full batch took only the first lines. Its secrets are hidden once, not once a batch. */
interface HiddenChunk {
  of: object;
  bytes: Buffer;
  /** Offset of the first line that is not in a row yet. */
  at: number;
  /** Whether no bytes follow. */
  final: boolean;
  shown: Buffer;
}

/** One batch after another, filled with the rows of many streams, and the parts that these streams share. */
export class RowTarget {
  readonly counts = { lines: 0, bytes: 0, gaps: 0, seals: 0 };
  readonly builder: BatchBuilder;
  redactor: Redactor | null;
  readonly labels: LabelSource | null;
  /** Room that lines leave in each batch. */
  readonly spare_bytes: number;
  /** Filled again for each line. */
  readonly line = newLine();
  hidden: HiddenChunk | null = null;

  constructor(
    builder: BatchBuilder,
    redactor: Redactor | null = null,
    labels: LabelSource | null = null,
    spare_bytes = 0,
  ) {
    this.builder = builder;
    this.redactor = redactor;
    this.labels = labels;
    this.spare_bytes = spare_bytes;
  }

  /** From now on, this hides secrets, also in a chunk that a full batch left half done. */
  redactWith(redactor: Redactor | null): void {
    this.redactor = redactor;
    this.hidden = null;
  }
}
