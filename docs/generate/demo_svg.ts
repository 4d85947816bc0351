import { buffer } from 'node:stream/consumers';

/**
 * A terminal's screen as an SVG, from what tmux captures of it. The picture in the README is made by
 *
 *   tmux -u new -d -x 100 -y 30 -s demo 'npm start'; sleep 180
 *   tmux capture-pane -e -p -t demo | npx node docs/generate/demo_svg.ts > docs/images/demo.svg
 */

/** How a piece of text is drawn. */
interface Look {
  color: string;
  isBold: boolean;
}
/** Text in one look, and where it begins; both counted from 0. */
interface Piece {
  line: number;
  column: number;
  text: string;
  look: Look;
}

const font_px = 14;
const line_px = 19;
/** Width of a character in most monospace fonts. `textLength` gives the others the same one. */
const column_px = 8.4;
const margin_px = 18;

const ground = '#0d1117';
const frame = '#30363d';
const plain: Look = { color: '#e6edf3', isBold: false };
const colors = new Map<number, string>([
  [2, '#8b949e'],
  [31, '#ff7b72'],
  [32, '#3fb950'],
  [39, plain.color],
]);

/**
 * @param capture text with SGR escape sequences, as `tmux capture-pane -e -p` prints it
 * @param title describes the picture for people who cannot see it
 * @throws Error for a control or an SGR code that the demo does not use: the picture would be wrong without it
 */
export function screenSvg(capture: string, title: string): string {
  const lines = capture.trimEnd().split('\n');
  const pieces = piecesOf(lines);
  const columns = Math.max(...pieces.map(({ column, text }) => column + text.length));
  const width = Math.ceil(columns * column_px + 2 * margin_px);
  const height = lines.length * line_px + 2 * margin_px;
  return `${[
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img">`,
    `<title>${escapeXml(title)}</title>`,
    `<rect x="0.5" y="0.5" width="${width - 1}" height="${height - 1}" rx="8" fill="${ground}" stroke="${frame}"/>`,
    `<g font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace" font-size="${font_px}" fill="${plain.color}">`,
    ...pieces.map(textElement),
    '</g>',
    '</svg>',
  ].join('\n')}\n`;
}

function textElement({ line, column, text, look }: Piece): string {
  const y = margin_px + line * line_px + font_px;
  const x = Number((margin_px + column * column_px).toFixed(1));
  const width = Number((text.length * column_px).toFixed(1));
  const fill = look.color === plain.color ? '' : ` fill="${look.color}"`;
  const weight = look.isBold ? ' font-weight="600"' : '';
  return `<text x="${x}" y="${y}" textLength="${width}" lengthAdjust="spacingAndGlyphs"${fill}${weight}>${escapeXml(text)}</text>`;
}

/**
 * The text in pieces: split where the look changes, and at two or more spaces. Each piece has its own column, so the
 * columns of the screen stay in line in any font. tmux carries a look over to the next line.
 */
function piecesOf(lines: string[]): Piece[] {
  const pieces: Piece[] = [];
  let look = plain;
  for (const [line, captured] of lines.entries()) {
    let column = 0;
    // biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences are what it is about.
    for (const [index, part] of captured.split(/\u001b\[([0-9;]*)m/).entries()) {
      // Texts and the codes between them take turns.
      if (index % 2 === 1) {
        look = lookAfter(look, part);
        continue;
      }
      if (/\p{Cc}/u.test(part)) throw new Error(`The demo writes no such control: ${JSON.stringify(part)}`);
      for (const match of part.matchAll(/\S+(?: \S+)*/g)) {
        pieces.push({ line, column: column + match.index, text: match[0], look });
      }
      column += part.length;
    }
  }
  return pieces;
}

/** @param codes of one sequence, as `0;1` */
function lookAfter(before: Look, codes: string): Look {
  let look = before;
  for (const code of codes.split(';').map(Number)) {
    const color = colors.get(code);
    if (code === 0) look = plain;
    else if (code === 1) look = { ...look, isBold: true };
    else if (color !== undefined) look = { ...look, color };
    // 49 is the usual background.
    else if (code !== 49) throw new Error(`The demo uses no SGR code ${code}.`);
  }
  return look;
}

const escapeXml = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

if (import.meta.main) {
  const capture = (await buffer(process.stdin)).toString('utf8');
  process.stdout.write(screenSvg(capture, 'The screen of the Afterlog demo after some minutes'));
}
