/** Text for terminals. All of it has one column a character, so that length is width. */

const bars = '▁▂▃▄▅▆▇█';

export const count = (value: number): string => Math.round(value).toLocaleString('en-US');

/** One bar per value, in their order; the highest value has full height. */
export function sparkline(values: number[]): string {
  const highest = Math.max(...values, 1);
  const barOf = (value: number): string =>
    bars[Math.round((Math.max(0, value) / highest) * (bars.length - 1))]!;
  return values.map(barOf).join('');
}

/** `12 s`, `3 min 04 s`, `2 h 05 min` */
export function durationText(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  const two = (value: number): string => String(value).padStart(2, '0');
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${two(seconds % 60)} s`;
  return `${Math.floor(seconds / 3600)} h ${two(Math.floor(seconds / 60) % 60)} min`;
}

/** Wraps words into at most `lines_max` lines of at most `width` columns; omits the rest. */
export function wrap(text: string, width: number, lines_max: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, line].filter(Boolean).slice(0, lines_max);
}

/**
 * A shell command in lines of at most `width` columns that can be copied: a backslash continues a long line,
 * and the next line starts at the first column. `command` must not contain single quotes.
 */
export function shellLines(command: string, width: number): string[] {
  if (command.length + 2 <= width) return [`  ${command}`];
  const lines: string[] = [];
  let rest = command;
  while (rest.length > width) {
    // After a space if there is one in the last third of the line.
    const space = rest.lastIndexOf(' ', width - 2);
    const at = space > width * 0.6 ? space + 1 : width - 1;
    lines.push(`${rest.slice(0, at)}\\`);
    rest = rest.slice(at);
  }
  return [...lines, rest];
}
