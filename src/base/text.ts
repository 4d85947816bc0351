/** Hostile text made fit for a terminal, and sizes in bytes. */

/** CSI sequences; OSC, DCS, SOS, PM and APC strings, also unfinished ones; two-character sequences. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: the escape sequences themselves
const escapes = /\x1b(?:\[[0-?]*[ -/]*[@-~]|[\]PX^_][^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)?|[ -/]*[0-~])/g;
// biome-ignore lint/suspicious/noControlCharactersInRegex: the control characters themselves
const controls = /[\x00-\x08\x0a-\x1f\x7f-\x9f]/g;
/** Marks that reverse the direction of text. */
const turns = /[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;
/** Everything but printable ASCII, Latin letters, and the few signs that the demo's own lines use. */
const wide = /[^\u0020-\u007e\u00a1-\u00ac\u00ae-\u017f·→…’]/g;
/** Characters of a text that are read for a fixed number of columns. */
const COLUMNS_READ_MAX = 4_096;

/**
 * Makes text from a guest safe to print as one line: it cannot move the cursor, set a title or hide other
 * text. Escape sequences are removed, other control characters appear as their pictures (␀, ␍), tabs stay.
 * @param options.columns for a screen with a fixed width: at most this many columns, one for each character;
 *   a line that rewrote itself with CR appears as it was at the end, tabs are spaces, and characters that may
 *   have another width are `·`
 */
export function harmless(text: string, options: { columns?: number } = {}): string {
  const { columns } = options;
  if (columns === undefined) {
    return text.replace(escapes, '').replace(controls, pictureOf).replace(turns, '\u{fffd}');
  }
  const start = text.slice(0, COLUMNS_READ_MAX).replace(/[\r\n]+$/, '');
  const last = start.slice(start.lastIndexOf('\r') + 1);
  // `wide` also matches each control character and each mark that reverses the direction.
  const plain = last.replace(escapes, '').replace(/\t/g, ' ').replace(wide, '·');
  return plain.length <= columns ? plain : `${plain.slice(0, Math.max(0, columns - 1))}…`;
}

function pictureOf(character: string): string {
  const code = character.charCodeAt(0);
  if (code < 0x20) return String.fromCharCode(0x2400 + code);
  return code === 0x7f ? '␡' : '\u{fffd}';
}

/** `512 B`, `1.5 KiB`, `200 MiB` (powers of 1024). */
export function humanBytes(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];
  let unit = 0;
  let value = bytes;
  // Half a unit before the next one, so that rounding never prints 1024.
  while (value >= 1023.5 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}
