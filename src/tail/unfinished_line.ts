import { limits } from '../base/limits.ts';

/**
 * When the last line of a log, which has no end yet, becomes a row as far as it goes. Its first piece waits
 * for `unfinished_first_ms`, and each further one twice as long as the one before: a line that grows for
 * hours makes few rows.
 */
export class UnfinishedLine {
  private due: number | null = null;
  private pieces = 0;
  /** The bytes that wait were offered already: no row takes them before others follow. */
  private isOffered = false;

  /** When its next piece is due, milliseconds of the monotonic clock; null if nothing waits. */
  get due_ms(): number | null {
    return this.due;
  }

  /** Rows took bytes before those that wait: another line waits now. */
  begins(): void {
    this.pieces = 0;
    this.rests();
  }

  /** No bytes wait. */
  rests(): void {
    this.due = null;
    this.isOffered = false;
  }

  /** Bytes wait for the end of their line. @returns whether they are due */
  waits(areNew: boolean): boolean {
    const now_ms = performance.now();
    if (areNew) this.isOffered = false;
    if (this.due === null && !this.isOffered) {
      const { unfinished_first_ms: first, unfinished_longest_ms: longest } = limits.tail;
      this.due = now_ms + Math.min(first * 2 ** this.pieces, longest);
    }
    return this.due !== null && now_ms >= this.due;
  }

  /** The bytes that wait were offered for a row. */
  offered(): void {
    this.pieces++;
    this.due = null;
    this.isOffered = true;
  }
}
