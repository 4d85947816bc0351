/** Text for terminals. All of it has one column a character, so that length is width. */

// biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences are what it is about.
const escapes = /\u001b(?:\[[0-9;:<=>?]*[ -/]*[@-~]|\][^\u0007\u001b]*(?:\u0007|\u001b\\)?|[ -/]*[0-~])/g;
// Printable ASCII, Latin letters, and the few signs that our own lines use.
const strange = /[^\u0020-\u007e\u00a1-\u00ac\u00ae-\u017f·→…’]/g;
const bars = '▁▂▃▄▅▆▇█';

/**
 * A guest's text as a terminal may show it: no escape sequence, no control character, nothing wider than one
 * column, at most `columns` of it. A line that rewrote itself with CR shows as it last looked.
 */
export function harmless(text: string, columns: number): string {
  const shown = text.slice(0, 4_096).replace(/[\r\n]+$/, '');
  const plain = shown
    .slice(shown.lastIndexOf('\r') + 1)
    .replace(escapes, '')
    .replace(/\t/g, ' ')
    .replace(strange, '·');
  return plain.length <= columns ? plain : `${plain.slice(0, Math.max(0, columns - 1))}…`;
}

export const count = (value: number): string => Math.round(value).toLocaleString('en-US');

/** One bar a value, the highest in full height; the newest at the right. */
export function sparkline(values: number[]): string {
  const highest = Math.max(...values, 1);
  const barOf = (value: number): string =>
    bars[Math.round((Math.max(0, value) / highest) * (bars.length - 1))]!;
  return values.map(barOf).join('');
}

/** `0 B`, `8.4 MB` (powers of 1000). */
export function byteText(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'] as const;
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}

/** `12 s`, `3 min 04 s`, `2 h 05 min` */
export function durationText(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  const two = (value: number): string => String(value).padStart(2, '0');
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${two(seconds % 60)} s`;
  return `${Math.floor(seconds / 3600)} h ${two(Math.floor(seconds / 60) % 60)} min`;
}

/** Words in at most `lines_max` lines of at most `width` columns; what is more is left out. */
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
 * A shell command in lines of at most `width` columns that can be copied as they are: where it is too long, a
 * backslash joins the lines, and the next one starts at the first column. No single quotes in `command`.
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
