import { byteClass, bytes, skipEscape, startsWith } from '../line/bytes.ts';

const { ESCAPE, LBRACKET, SPACE } = bytes;

/**
 * Texts that say a guest is up. `^` before a text: the line's text begins with it; `*`: a prompt, behind one word and with nothing behind it.
 * Else it may stand anywhere in the line.
 */
export const readyDefaults: readonly string[] = [
  '^sandbox.running',
  'listening on 0.0.0.0:22',
  'Server listening on 0.0.0.0 port 22',
  'Ready on :',
  'Ready on http',
  '* login:',
  '^root@',
  '^/ # ',
  '^~ # ',
  'Startup finished in ',
  'Reached target Multi-User System',
  'Reached target multi-user.target',
  'Reached target Graphical Interface',
];

/** Ready texts stand near the beginning of their line. */
const LINE_BYTES_MAX = 120;

interface Ready {
  text: Buffer;
  /** What the title of the event is. */
  name: string;
}

let starts: Ready[] = [];
let seconds: Ready[] = [];
/** The others, by their first byte. */
let anywhere: (Ready[] | undefined)[] = [];
const mayStart = new Uint8Array(256);
const mayBegin = new Uint8Array(256);
setReadyTexts(readyDefaults);

/** For the whole process, before the first line. */
export function setReadyTexts(texts: readonly string[]): void {
  starts = [];
  seconds = [];
  anywhere = new Array(256).fill(undefined);
  mayStart.fill(0);
  mayBegin.fill(0);
  for (const given of texts) {
    const sign = given[0];
    const name = sign === '^' || sign === '*' ? given.slice(1) : given;
    const text = Buffer.from(name);
    if (text.length === 0) continue;
    const ready = { text, name: name.trim() };
    if (sign === '^') {
      starts.push(ready);
      mayStart[text[0]!] = 1;
    } else if (sign === '*') seconds.push(ready);
    else {
      anywhere[text[0]!] = [...(anywhere[text[0]!] ?? []), ready];
      mayBegin[text[0]!] = 1;
    }
  }
}

/** The text that says so in b[at, end), without its sign; or nothing. */
export function readyText(b: Uint8Array, at: number, end: number): string {
  while (at < end && b[at] === ESCAPE) at = skipEscape(b, at, end);
  if (at >= end) return '';
  if (mayStart[b[at]!] === 1) {
    for (const { text, name } of starts) if (startsWith(b, at, end, text)) return name;
  }
  if (byteClass[b[at]!] !== 0) {
    let word = at;
    while (word < end && word - at < 64 && b[word]! > SPACE) word++;
    for (const { text, name } of seconds) {
      if (startsWith(b, word, end, text) && isPrompt(b, at, word + text.length, end)) return name;
    }
  }
  const last = Math.min(end, at + LINE_BYTES_MAX);
  for (let i = at; i < last; i++) {
    if (mayBegin[b[i]!] === 0) continue;
    for (const { text, name } of anywhere[b[i]!]!) if (startsWith(b, i, end, text)) return name;
  }
  return '';
}

const LAST = Buffer.from('Last ');

/** Nothing follows, or what landed behind the prompt: a kernel line. `Last login: ` is none. */
function isPrompt(b: Uint8Array, at: number, after: number, end: number): boolean {
  if (startsWith(b, at, end, LAST)) return false;
  while (after < end && b[after] === SPACE) after++;
  return after >= end || b[after] === LBRACKET;
}
