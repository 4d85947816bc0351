import { type Cursor, isBefore } from './cursor.ts';

const MARKS_MAX = 1_000;

/** Measures how long the oldest undelivered entry has waited, to about a second, or 0.1 % of a long wait. */
export class Ages {
  private marks: { place: Cursor; at_ms: number }[] = [];
  private spacing_ms = 1_000;

  appended(place: Cursor, at_ms = Date.now()): void {
    const last = this.marks.at(-1);
    if (last !== undefined && at_ms - last.at_ms < this.spacing_ms) return;
    this.marks.push({ place, at_ms });
    if (this.marks.length <= MARKS_MAX) return;
    this.marks = this.marks.filter((_, index) => index % 2 === 0);
    this.spacing_ms *= 2;
  }

  /**
   * Everything before `after` is delivered. The last mark before it stays, for the entries up to the next
   * mark.
   */
  delivered(after: Cursor): void {
    let gone = 0;
    while (gone + 1 < this.marks.length && !isBefore(after, this.marks[gone + 1]!.place)) gone++;
    this.marks.splice(0, gone);
  }

  /** All entries are delivered. */
  clear(): void {
    this.marks = [];
    this.spacing_ms = 1_000;
  }

  /** Seconds; 0 if all entries are delivered. */
  oldest_s(): number {
    const first = this.marks[0];
    return first === undefined ? 0 : Math.max(0, Math.round((Date.now() - first.at_ms) / 1_000));
  }
}
