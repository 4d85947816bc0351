import { limits } from '../base/limits.ts';
import { exceptColors } from '../base/text.ts';
import { type Row, rowText, type SpanStyle } from './row.ts';

/** A stream to write to; only a terminal has `columns` and `rows`. */
export interface Output {
  isTTY?: boolean;
  columns?: number;
  rows?: number;
  write(text: string): unknown;
  on?(event: 'resize', listener: () => void): unknown;
}

// Only colors that are readable on a light and on a dark background.
const codes: Record<SpanStyle, string> = {
  plain: '',
  strong: '\u001b[1m',
  quiet: '\u001b[2m',
  good: '\u001b[1;32m',
  bad: '\u001b[1;31m',
};
const reset = '\u001b[0m';
/** The alternate screen: leaving it restores the former contents of the terminal. */
const enter = '\u001b[?1049h\u001b[?25l';
const leave = '\u001b[?25h\u001b[?1049l';

/**
 * Prints lines, or draws a view that covers the terminal. If the output is no terminal, or one that cannot
 * move its cursor, `live` is false: it then prints only plain lines, and no view.
 */
export interface Terminal {
  readonly live: boolean;
  /** Greatest size of a view. */
  columns(): number;
  rows(): number;
  /** Prints a line. While a view is shown, the line is held until the view is cleared. */
  print(line: string): void;
  /** Prints a progress line, which the next `step` or `print` replaces on a terminal. */
  step(line: string): void;
  draw(view: Row[]): void;
  /** Removes the view and prints the held lines. */
  clear(): void;
  /** Calls `listener` after the size of the terminal changed. */
  onResize(listener: () => void): void;
}

/** @param env NO_COLOR disables styles, but not the view; TERM=dumb, or no TERM, disables the view */
export function createTerminal(output: Output, env: NodeJS.ProcessEnv = process.env): Terminal {
  const live = output.isTTY === true && env.TERM !== 'dumb' && Boolean(env.TERM);
  const color = !env.NO_COLOR;
  let drawn: string | null = null;
  let stepping = '';
  let held: string[] = [];

  const columns = (): number => output.columns || 80;
  const styled = (row: Row): string =>
    color
      ? row.map(({ text, style }) => (style && codes[style] ? codes[style] + text + reset : text)).join('')
      : rowText(row);
  const eraseStep = (): string => {
    if (stepping === '') return '';
    const up = Math.ceil(stepping.length / columns()) - 1;
    stepping = '';
    return `\r${up > 0 ? `\u001b[${up}A` : ''}\u001b[J`;
  };
  return {
    live,
    // The last column stays empty: after a character there, some terminals move to the next line at once.
    columns: () => columns() - 1,
    rows: () => output.rows || 24,
    print: (line) => {
      if (drawn !== null) held = [...held, line].slice(-limits.demo.held_max);
      else output.write(`${eraseStep()}${exceptColors(line)}\n`);
    },
    step: (line) => {
      if (drawn !== null) return;
      output.write(live ? eraseStep() + line : `${line}\n`);
      if (live) stepping = line;
    },
    draw: (view) => {
      if (!live) return;
      // One write that overwrites instead of erasing, so that the screen does not flicker.
      const text = `\u001b[H${view.map((row) => `${styled(row)}\u001b[K`).join('\n')}\u001b[J`;
      if (text === drawn) return;
      output.write(drawn === null ? eraseStep() + enter + text : text);
      drawn = text;
    },
    clear: () => {
      if (drawn !== null) output.write(leave);
      else if (stepping !== '') output.write(eraseStep());
      drawn = null;
      for (const line of held) output.write(`${exceptColors(line)}\n`);
      held = [];
    },
    onResize: (listener) => {
      if (!live) return;
      output.on?.('resize', () => {
        // The terminal may have reflowed the old view, so it must be drawn again.
        if (drawn !== null) drawn = '';
        listener();
      });
    },
  };
}
