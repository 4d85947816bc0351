import type { Row, Style } from './screen.ts';

/** A stream to write to; `columns` and `rows` only of a terminal. */
export interface Output {
  isTTY?: boolean;
  columns?: number;
  rows?: number;
  write(text: string): unknown;
}

const codes: Record<Style, string> = {
  plain: '',
  title: '\u001b[1m',
  quiet: '\u001b[2m',
  good: '\u001b[32m',
  bad: '\u001b[31m',
  command: '\u001b[36m',
};
const reset = '\u001b[0m';

/**
 * A terminal with a view at its bottom that is drawn in place, and lines above it that stay. Without a
 * terminal (`isTTY` false) it writes plain lines only, and no view.
 */
export interface Terminal {
  readonly live: boolean;
  columns(): number;
  /** Rows that a view may have. */
  rows(): number;
  /** A line that stays, above the view. */
  print(line: string): void;
  /** A line that the next `step` or `print` replaces on a terminal: what is being waited for. */
  step(line: string): void;
  draw(view: Row[]): void;
  /** Takes the view off the screen. */
  clear(): void;
}

/** @param color false: no colours (NO_COLOR); the view is still drawn in place */
export function createTerminal(output: Output, color = true): Terminal {
  const live = output.isTTY === true;
  let drawn: Row[] = [];
  let stepping = '';

  const columns = (): number => output.columns || 80;
  // The terminal may have become narrower since, and wrapped what was drawn.
  const rowsOf = (text: string): number => Math.max(1, Math.ceil(text.length / columns()));
  const erase = (): string => {
    if (stepping !== '') {
      const up = rowsOf(stepping) - 1;
      stepping = '';
      return `\r${up > 0 ? `\u001b[${up}A` : ''}\u001b[J`;
    }
    if (drawn.length === 0) return '';
    const up = drawn.reduce((sum, row) => sum + rowsOf(row.text), 0);
    drawn = [];
    return `\r\u001b[${up}A\u001b[J`;
  };
  const styled = (row: Row): string =>
    color && codes[row.style] ? codes[row.style] + row.text + reset : row.text;
  const draw = (view: Row[]): void => {
    if (!live) return;
    // One write, so that no half view is seen; nothing is erased that is drawn again in the same place.
    const text = view.map((row) => `${styled(row)}\u001b[K\n`).join('');
    const sameRows = stepping === '' && drawn.length > 0 && drawn.every((row) => rowsOf(row.text) === 1);
    output.write(sameRows ? `\r\u001b[${drawn.length}A${text}\u001b[J` : erase() + text);
    drawn = view;
  };
  return {
    live,
    columns,
    rows: () => Math.max(4, (output.rows || 24) - 1),
    print: (line) => {
      const view = drawn;
      output.write(live ? `${erase()}${line}\n` : `${line}\n`);
      if (view.length > 0) draw(view);
    },
    step: (line) => {
      if (!live) output.write(`${line}\n`);
      else {
        output.write(erase() + line);
        stepping = line;
      }
    },
    draw,
    clear: () => {
      if (live) output.write(erase());
    },
  };
}
