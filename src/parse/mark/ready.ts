import { byteClass, bytes, skipEscape, startsWith } from '../line/bytes.ts';

const { ESCAPE, LBRACKET, SPACE } = bytes;

/**
 * Texts that show that a guest is up. With `^` before it, a text must begin the line's text. With `*` it is a
 * prompt: after one word, and nothing follows. Otherwise it may be anywhere in the line.
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

/** A ready text is near the beginning of its line. */
const LINE_BYTES_MAX = 120;

interface ReadyText {
  text: Buffer;
  /** The title of the event. */
  name: string;
}

/** Texts with `^`. */
let starts: ReadyText[] = [];
/** Texts with `*`. */
let prompts: ReadyText[] = [];
/** Texts that may be anywhere, by their first byte. */
let anywhere: (ReadyText[] | undefined)[] = [];
const mayStart = new Uint8Array(256);
const mayBegin = new Uint8Array(256);
setReadyTexts(readyDefaults);

/** Sets the texts for the whole process. Call it before the first line. */
export function setReadyTexts(texts: readonly string[]): void {
  starts = [];
  prompts = [];
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
    } else if (sign === '*') prompts.push(ready);
    else {
      anywhere[text[0]!] = [...(anywhere[text[0]!] ?? []), ready];
      mayBegin[text[0]!] = 1;
    }
  }
}

/** The ready text in b[at, end), without its sign; empty if there is none. */
export function readyText(b: Uint8Array, at: number, end: number): string {
  while (at < end && b[at] === ESCAPE) at = skipEscape(b, at, end);
  if (at >= end) return '';
  if (mayStart[b[at]!] === 1) {
    const name = oneOf(starts, b, at, end);
    if (name !== undefined) return name;
  }
  if (byteClass[b[at]!] !== 0) {
    let word = at;
    while (word < end && word - at < 64 && b[word]! > SPACE) word++;
    const name = promptAt(b, at, word, end);
    if (name !== undefined) return name;
  }
  const last = Math.min(end, at + LINE_BYTES_MAX);
  for (let i = at; i < last; i++) {
    if (mayBegin[b[i]!] === 0) continue;
    const name = oneOf(anywhere[b[i]!]!, b, i, end);
    if (name !== undefined) return name;
  }
  return '';
}

/** The first of the texts that b[at, end) begins with. */
function oneOf(texts: readonly ReadyText[], b: Uint8Array, at: number, end: number): string | undefined {
  for (const { text, name } of texts) if (startsWith(b, at, end, text)) return name;
  return undefined;
}

/** The prompt at `word`, the end of the first word of b[at, end). */
function promptAt(b: Uint8Array, at: number, word: number, end: number): string | undefined {
  for (const { text, name } of prompts) {
    if (startsWith(b, word, end, text) && isPrompt(b, at, word + text.length, end)) return name;
  }
  return undefined;
}

const LAST = Buffer.from('Last ');

/**
 * Whether nothing follows the prompt, or only a kernel line that was written after it. `Last login: ` is no
 * prompt.
 */
function isPrompt(b: Uint8Array, at: number, after: number, end: number): boolean {
  if (startsWith(b, at, end, LAST)) return false;
  while (after < end && b[after] === SPACE) after++;
  return after >= end || b[after] === LBRACKET;
}
