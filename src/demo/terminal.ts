import { limits } from '../base/limits.ts';
import { type Row, rowText, type Style } from './row.ts';

/** A stream to write to; `columns` and `rows` only of a terminal. */
export interface Output {
  isTTY?: boolean;
  columns?: number;
  rows?: number;
  write(text: string): unknown;
  on?(event: 'resize', listener: () => void): unknown;
}

// Of the sixteen colours of every terminal only those that can be read on a light and on a dark ground.
const codes: Record<Style, string> = {
  plain: '',
  strong: '\u001b[1m',
  quiet: '\u001b[2m',
  good: '\u001b[1;32m',
  bad: '\u001b[1;31m',
};
const reset = '\u001b[0m';
/** The alternate screen, as an editor uses it: what was on the terminal before is there again afterwards. */
const enter = '\u001b[?1049h\u001b[?25l';
const leave = '\u001b[?25h\u001b[?1049l';

/**
 * A terminal that shows lines, and a view over all of it while there is one. Without a terminal (`isTTY` false,
 * or one that cannot move its cursor) it writes plain lines only, and no view.
 */
export interface Terminal {
  readonly live: boolean;
  /** Columns and rows that a view may have. */
  columns(): number;
  rows(): number;
  /** A line that stays; one that comes while a view is shown appears when the view has gone. */
  print(line: string): void;
  /** A line that the next `step` or `print` replaces on a terminal: what is being waited for. */
  step(line: string): void;
  draw(view: Row[]): void;
  /** Takes the view off the screen. */
  clear(): void;
  /** Calls back when the terminal has got another size. */
  onResize(listener: () => void): void;
}

/** @param env NO_COLOR: no styles, the view is drawn all the same; TERM=dumb, or none: plain lines */
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
    // A line that fills the last column is at its end in some terminals and in the next line in others.
    columns: () => columns() - 1,
    rows: () => output.rows || 24,
    print: (line) => {
      if (drawn !== null) held = [...held, line].slice(-limits.demo.held_max);
      else output.write(`${eraseStep()}${line}\n`);
    },
    step: (line) => {
      if (drawn !== null) return;
      output.write(live ? eraseStep() + line : `${line}\n`);
      if (live) stepping = line;
    },
    draw: (view) => {
      if (!live) return;
      // One write, and nothing is erased that is drawn again in the same place: it does not flicker.
      const text = `\u001b[H${view.map((row) => `${styled(row)}\u001b[K`).join('\n')}\u001b[J`;
      if (text === drawn) return;
      output.write(drawn === null ? eraseStep() + enter + text : text);
      drawn = text;
    },
    clear: () => {
      if (drawn !== null) output.write(leave);
      else if (stepping !== '') output.write(eraseStep());
      drawn = null;
      for (const line of held) output.write(`${line}\n`);
      held = [];
    },
    onResize: (listener) => {
      if (!live) return;
      output.on?.('resize', () => {
        // What the terminal made of the old view is not what was drawn.
        if (drawn !== null) drawn = '';
        listener();
      });
    },
  };
}
