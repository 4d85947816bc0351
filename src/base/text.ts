/** Hostile text made fit for a terminal and for JSON, and sizes in bytes. */

/** CSI sequences; OSC, DCS, SOS, PM and APC strings, also unfinished ones; two-character sequences. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: the escape sequences themselves
const escapes = /\x1b(?:\[[0-?]*[ -/]*[@-~]|[\]PX^_][^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)?|[ -/]*[0-~])/g;
// biome-ignore lint/suspicious/noControlCharactersInRegex: the control characters themselves
const controls = /[\x00-\x08\x0a-\x1f\x7f-\x9f]/g;
/**
 * Characters without a width or a glyph: marks that reverse the direction of text, zero-width spaces and
 * joiners, separators of lines, tags. They hide text, or show another text than the stored one. Not among
 * them are the selectors of a glyph, which emoji have (U+FE00 to U+FE0F).
 */
const invisible = /(?![\ufe00-\ufe0f])[\p{Cf}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/gu;
/** DEL and everything that is not ASCII. */
const unusual = /[\x7f-\uffff]/;
const highControls = /[\x7f-\x9f]/g;
/** Everything but printable ASCII, Latin letters, and the few signs that the demo's own lines use. */
const wide = /[^\u0020-\u007e\u00a1-\u00ac\u00ae-\u017f·→…’]/g;
/** Characters of a text that are read for a fixed number of columns. */
const COLUMNS_READ_MAX = 4_096;

/**
 * Makes text from a guest safe to print as one line: it cannot move the cursor, set a title or hide other
 * text. Escape sequences are removed, other control characters appear as their pictures (␀, ␍), invisible
 * characters as \uFFFD, tabs stay.
 * @param options.columns for a screen with a fixed width: at most this many columns, one for each character;
 *   a line that rewrote itself with CR appears as it was at the end, tabs are spaces, and characters that may
 *   have another width are `·`
 */
export function harmless(text: string, options: { columns?: number } = {}): string {
  const { columns } = options;
  if (columns === undefined) {
    const plain = text.replace(escapes, '').replace(controls, pictureOf);
    return unusual.test(plain) ? plain.replace(invisible, '\u{fffd}') : plain;
  }
  const start = text.slice(0, COLUMNS_READ_MAX).replace(/[\r\n]+$/, '');
  const last = start.slice(start.lastIndexOf('\r') + 1);
  // `wide` also matches each control character and each invisible one.
  const plain = last.replace(escapes, '').replace(/\t/g, ' ').replace(wide, '·');
  return plain.length <= columns ? plain : `${plain.slice(0, Math.max(0, columns - 1))}…`;
}

/** The same for text of several lines. */
export const harmlessLines = (text: string): string =>
  text
    .split('\n')
    .map((line) => harmless(line))
    .join('\n');

// biome-ignore lint/suspicious/noControlCharactersInRegex: the escape sequence of a color
const color = /(\x1b\[[\d;]*m)/;

/** Text of ours for a terminal: only its colors act. */
export const exceptColors = (text: string): string =>
  text
    .split(color)
    .map((part, at) => (at % 2 === 1 ? part : harmlessLines(part)))
    .join('');

/**
 * JSON whose strings show on a terminal what they hold: DEL, C1 controls and invisible characters are
 * `\uXXXX`. JSON.stringify escapes only the controls below them. The value stays the same.
 */
export function escapedJson(json: string): string {
  if (!unusual.test(json)) return json;
  return json.replace(highControls, codeOf).replace(invisible, codeOf);
}

/** `\u200b`; two of them for a character beyond U+FFFF. */
function codeOf(character: string): string {
  let codes = '';
  for (let at = 0; at < character.length; at++)
    codes += `\\u${character.charCodeAt(at).toString(16).padStart(4, '0')}`;
  return codes;
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
