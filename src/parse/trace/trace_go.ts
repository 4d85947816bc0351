import {
  byteClass,
  byteClasses,
  bytes,
  firstByte,
  isDigit,
  startsWith,
  startsWithAny,
} from '../line/bytes.ts';
import type { OpenEntry } from '../line/entry.ts';
import { ascii } from './trace_words.ts';

const { COLON, DIGIT_0, LBRACKET, LOWER_G, LOWER_X, LPAREN, RPAREN, SPACE, TAB } = bytes;
const { LETTER } = byteClasses;

const goroutine = ascii('goroutine ');
const lines = [
  '[signal ',
  'created by ',
  'exit status ',
  'runtime stack:',
  '...additional frames',
  'PC=',
  '[originating from',
  'SIG',
  'runtime: ',
].map(ascii);

/** `goroutine 12 [running]:` */
export function isGoHeader(b: Uint8Array, at: number, end: number): boolean {
  if (!startsWith(b, at, end, goroutine)) return false;
  at += goroutine.length;
  const digits = at;
  while (at < end && isDigit(b[at])) at++;
  return (
    at > digits &&
    b[at] === SPACE &&
    (b[at + 1] === LBRACKET || startsWith(b, at + 1, end, gp)) &&
    b[end - 1] === COLON
  );
}
const gp = ascii('gp=');

/** `main.(*Server).run(0xc0000, 0x1)`, `main.main()`, `main.greet(...)`: no blank before the bracket. */
function isFunctionCall(b: Uint8Array, at: number, end: number): boolean {
  if (b[end - 1] !== RPAREN || (byteClass[b[at]!]! & LETTER) === 0) return false;
  for (; at < end && b[at] !== SPACE; at++) if (b[at] === LPAREN) return true;
  return false;
}

/** Whether the line belongs to a panic or a dump of goroutines: blocks with empty lines between them. */
export function stepGo(entry: OpenEntry, b: Uint8Array, at: number, end: number): boolean {
  const first = firstByte(b, at, end);
  if (first === 0) return !entry.isBlank;
  if (first === TAB) return true;
  // A dump that follows another one without an empty line is another entry.
  if (first === LOWER_G)
    return (isGoHeader(b, at, end) && (entry.isBlank || entry.lines <= 2)) || isFunctionCall(b, at, end);
  return startsWithAny(b, at, end, lines) || isFunctionCall(b, at, end) || isRegister(b, at, end);
}

/** `rax    0x0` */
function isRegister(b: Uint8Array, at: number, end: number): boolean {
  const start = at;
  while (at < end && at - start < 7 && byteClass[b[at]!] !== 0) at++;
  if (at === start || b[at] !== SPACE) return false;
  while (at < end && b[at] === SPACE) at++;
  return b[at] === DIGIT_0 && b[at + 1] === LOWER_X && at < end;
}
