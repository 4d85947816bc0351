import { limits } from '../../base/limits.ts';
import { humanBytes } from '../../base/text.ts';
import type { Letter } from '../../dlq/letter.ts';
import { kindOf, OTHER } from '../../dlq/reason.ts';
import { isoTime, shortTime, table } from '../format.ts';
import { jsonLine, print } from '../output.ts';
import { isOpen, type Standing } from './letter_states.ts';
import { rowsOf } from './letter_table.ts';

interface Count {
  letters: number;
  open: number;
  /** As far as their headers tell. */
  rows: number;
  bytes: number;
  first_ms: number;
  last_ms: number;
}

const none: Count = {
  letters: 0,
  open: 0,
  rows: 0,
  bytes: 0,
  first_ms: Number.POSITIVE_INFINITY,
  last_ms: 0,
};

/** Counts dead letters by the kind of their reason; the kinds are bounded in number. */
export class ReasonCounts {
  private readonly kinds = new Map<string, Count>();

  add(letter: Letter, standing: Standing): void {
    const kind = kindOf(letter);
    const isNew = !this.kinds.has(kind);
    this.addTo(isNew && this.kinds.size >= limits.topic.reasons_max ? OTHER : kind, letter, standing);
  }

  async print(options: { json?: boolean | undefined }, columns: number | undefined): Promise<void> {
    const counts = [...this.kinds].sort(([, a], [, b]) => b.open - a.open || b.letters - a.letters);
    if (options.json) await print(counts.map(countLine).join(''));
    else if (counts.length > 0) await print(countTable(counts, columns));
  }

  private addTo(kind: string, letter: Letter, standing: Standing): void {
    const { letters, open, rows, bytes, first_ms, last_ms } = this.kinds.get(kind) ?? none;
    const its = Number(rowsOf(letter));
    this.kinds.set(kind, {
      letters: letters + 1,
      open: open + (isOpen(standing) ? 1 : 0),
      rows: rows + (Number.isSafeInteger(its) ? its : 0),
      bytes: bytes + letter.bytes,
      first_ms: Math.min(first_ms, letter.at_ms),
      last_ms: Math.max(last_ms, letter.at_ms),
    });
  }
}

const countLine = ([reason, { letters, open, rows, bytes, first_ms, last_ms }]: [string, Count]): string =>
  jsonLine({ reason, letters, open, rows, bytes, first: isoTime(first_ms), last: isoTime(last_ms) });

function countTable(counts: [string, Count][], columns: number | undefined): string {
  const rows = counts.map(([reason, { letters, open, rows: its, bytes, last_ms }]) => [
    ...[String(letters), String(open), String(its), humanBytes(bytes)],
    ...[shortTime(isoTime(last_ms)).slice(0, 16), reason],
  ]);
  const header = ['LETTERS', 'OPEN', 'ROWS', 'SIZE', 'LAST', 'REASON'];
  return table(header, rows, { right: ['LETTERS', 'OPEN', 'ROWS', 'SIZE'], width: columns });
}
