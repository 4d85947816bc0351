import { HOST, isDigit, isIn, isLetter, LOOK_BACK_BYTES, textOf } from './bytes.ts';
import { isPlaceholder } from './placeholders.ts';
import { add, type Check, type Sign, type Span } from './signs.ts';
import { isBlank, isQuote } from './values.ts';

const AT = 64;
const SLASH = 47;
const BACKSLASH = 92;
const COLON = 58;

/** `scheme://user:password@host`: `at` is the colon. */
function atUrl(found: Span[], b: Uint8Array, at: number, start: number, end: number): number {
  if (at === start || !isIn(b[at - 1], HOST)) return -1;
  const first = slash(b, at + 1, end);
  const user = first < 0 ? -1 : slash(b, first, end);
  if (user < 0) return -1;
  const colon = userEnd(b, user, end);
  if (colon < 0) return -1;
  const last = urlEnd(b, colon + 1, end);
  if (isPort(b, user, colon, last)) return -1;
  const host = hostSign(b, colon + 1, last);
  if (host <= colon + 1 || isPlaceholder(textOf(b, colon + 1, host))) return -1;
  add(found, 'url_password', colon + 1, host);
  // Behind the `@`: what looks like an e-mail address there is the end of the password and the host.
  return host + 1;
}

/** Behind the slash at `at`, which backslashes may escape; -1 if there is none. */
function slash(b: Uint8Array, at: number, end: number): number {
  const most = Math.min(end, at + 16);
  while (at < most && b[at] === BACKSLASH) at++;
  return at < most && b[at] === SLASH ? at + 1 : -1;
}

/** Whether two slashes begin at `at`, escaped or not. */
function isSlashes(b: Uint8Array, at: number, end: number): boolean {
  const first = slash(b, at, end);
  return first >= 0 && slash(b, first, end) >= 0;
}

/** The colon behind the user's name; -1 if the URL has none. */
function userEnd(b: Uint8Array, at: number, end: number): number {
  const most = Math.min(end, at + LOOK_BACK_BYTES);
  for (; at < most; at++) {
    const byte = b[at]!;
    if (byte === COLON) return at;
    if (byte === SLASH || byte === 91 || byte === 63 || byte === 35 || endsUrl(byte)) return -1;
  }
  return -1;
}

const endsUrl = (byte: number): boolean =>
  isBlank(byte) || byte === 34 || byte === 60 || byte === 62 || byte === 96;

/** The end of the URL: a password may hold most marks. */
function urlEnd(b: Uint8Array, at: number, end: number): number {
  for (; at < end; at++) {
    const byte = b[at]!;
    if (endsUrl(byte)) return at;
    if (byte === BACKSLASH && isQuote(b[at + 1])) return at;
    if (byte === 39 && (at + 1 >= end || isBlank(b[at + 1]) || [41, 44, 59, 93, 125].includes(b[at + 1]!)))
      return at;
    // Another URL begins.
    if (byte === COLON && isSlashes(b, at + 1, end)) return at;
  }
  return end;
}

/** Whether `host:8080` stands before the colon's end, and not a user with a password of digits. */
function isPort(b: Uint8Array, user: number, colon: number, end: number): boolean {
  if (user === colon) return false;
  let at = colon + 1;
  while (at < end && at - colon < 7 && isDigit(b[at]!)) at++;
  return (
    at > colon + 1 && (at === end || b[at] === SLASH || b[at] === 63 || b[at] === 35 || b[at] === BACKSLASH)
  );
}

/**
 * The `@` that ends the password, which may itself hold `@` and `/`: the first one with a host behind it that
 * looks like one, else the last one that does not begin a part of a path; -1 if there is none.
 */
function hostSign(b: Uint8Array, from: number, end: number): number {
  let last = -1;
  for (let at = from; at < end; at++) {
    if (b[at] !== AT || at + 1 >= end) continue;
    if (isHost(b, at + 1, end)) return at;
    if (last < 0 || b[at - 1] !== SLASH) last = at;
  }
  return last;
}

/** `[::1]`, `localhost`, and what has a dot or a port, up to the end of a host. */
function isHost(b: Uint8Array, at: number, end: number): boolean {
  if (b[at] === 91) return true;
  const from = at;
  let dot = -1;
  for (; at < end && isIn(b[at], HOST); at++) if (b[at] === 46) dot = at;
  const name = at;
  if (name === from) return false;
  const port = b[at] === COLON ? at + 1 : -1;
  if (port >= 0) for (at = port; at < end && isDigit(b[at]!); at++);
  const isEnd =
    at >= end || b[at] === SLASH || b[at] === 63 || b[at] === 35 || b[at] === 44 || b[at] === BACKSLASH;
  if (!isEnd && !isBlank(b[at]) && !isQuote(b[at]) && b[at] !== 41) return false;
  if (port >= 0) return at > port;
  if (name - from === 9 && textOf(b, from, name) === 'localhost') return true;
  return dot > from && dot + 1 < name && (isLetter(b[name - 1]!) || isDigit(b[name - 1]!));
}

const goPassword: Check = (found, b, at, start) => {
  let colon = -1;
  for (let index = at - 1; index >= Math.max(start, at - LOOK_BACK_BYTES); index--) {
    const byte = b[index]!;
    if (endsUrl(byte) || byte === 39 || byte === 61) break;
    if (byte === COLON) colon = index;
  }
  if (colon < 0 || at - colon < 2 || isPlaceholder(textOf(b, colon + 1, at))) return -1;
  add(found, 'url_password', colon + 1, at);
  return at + 1;
};

export const urlSigns: Sign[] = [
  { text: '://', check: atUrl },
  // JSON may escape slashes: `https:\/\/`.
  { text: ':\\', check: atUrl },
  // `user:password@tcp(host)/database`, as Go's drivers write it.
  ...['@tcp(', '@unix('].map((text): Sign => ({ text, check: goPassword })),
];
