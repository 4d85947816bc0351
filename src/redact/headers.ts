import {
  BASE64,
  DOTTED,
  END,
  isBound,
  isDigit,
  isIn,
  NAME,
  run,
  runBack,
  startsWith,
  textOf,
} from './bytes.ts';
import { isPlaceholder } from './placeholders.ts';
import { add, type Check, type Sign, type Span } from './signs.ts';
import {
  isBlank,
  isQuote,
  outerEnd,
  quoteAt,
  quoteEnd,
  type Separator,
  separatorAt,
  skipGap,
} from './values.ts';

const SCHEMES = ['bearer', 'basic', 'token', 'negotiate', 'apikey'].map((text) => Buffer.from(text));

/** `Authorization: Bearer …`, also in JSON. */
const authorization: Check = (found, b, at, start, end) => {
  const name = at + 'authorization'.length;
  const separator = headerSeparator(b, at, name, end);
  if (separator === null) return -1;
  const { from: opened, to: most } = extent(b, at, separator, start, end);
  const scheme = SCHEMES.find(
    (text) => startsWith(b, opened, most, text) && isBlank(b[opened + text.length]),
  );
  const from = scheme === undefined ? opened : skipGap(b, opened + scheme.length, most);
  const to = scheme === undefined ? parametersEnd(b, from, most) : valueEnd(b, from, most);
  if (to - from < 4 || isPlaceholder(textOf(b, from, to))) return -1;
  return add(found, 'authorization', from, to);
};

/** Also node's raw headers: `'Cookie', 'a=b'`. */
function headerSeparator(b: Uint8Array, at: number, name: number, end: number): Separator | null {
  const separator = separatorAt(b, at, name, end, false);
  if (separator !== null || !isQuote(b[name])) return separator;
  const comma = skipGap(b, name + 1, end);
  const value = skipGap(b, comma + 1, end);
  if (b[comma] !== 44 || !isQuote(b[value])) return null;
  const next = run(b, value + 1, end, NAME);
  // A list of names of headers has no values.
  return b[next] === 61 || b[next] === 32 ? { at: value, by: ':', isSpaced: true, isQuoted: true } : null;
}

/** The bytes that a header's value may take: up to its quote, or that of the text around the header. */
function extent(
  b: Uint8Array,
  name: number,
  { at }: Separator,
  start: number,
  end: number,
): { from: number; to: number } {
  const listed = b[at] === 91 ? skipGap(b, at + 1, end) : at;
  const quote = quoteAt(b, listed, end);
  if (quote >= 0) return { from: quote + 1, to: quoteEnd(b, quote, quote - listed, end) };
  const from = runBack(b, name, start, NAME, 64);
  const outer = outerEnd(b, from, start, end);
  return { from: at, to: outer < 0 ? end : outer };
}

function valueEnd(b: Uint8Array, at: number, end: number): number {
  while (at < end && !isIn(b[at], END)) at++;
  return at;
}

/** The end of an unknown scheme's parameters: `AWS4-HMAC-SHA256 Credential=…, Signature=…`. */
function parametersEnd(b: Uint8Array, from: number, end: number): number {
  let to = valueEnd(b, from, end);
  for (;;) {
    let next = to;
    while (next < end && (b[next] === 32 || b[next] === 44)) next++;
    const equals = run(b, next, end, NAME);
    if (next === to || equals === next || b[equals] !== 61) return to;
    const quote = quoteAt(b, equals + 1, end);
    if (quote < 0) to = parameterEnd(b, equals + 1, end);
    else {
      to = quoteEnd(b, quote, quote - equals - 1, end);
      // Not closed: the line or the text ends there.
      if (to === end || b[to] === 10 || b[to] === 13) return to;
      to++;
    }
  }
}

function parameterEnd(b: Uint8Array, at: number, end: number): number {
  while (at < end && b[at] !== 44 && !isBlank(b[at]) && !isQuote(b[at])) at++;
  return at;
}

/** `Bearer …` without a header's name: only if at least 16 characters with a digit follow. */
const bearer: Check = (found, b, at, start, end) => {
  if (!isBound(b, at, start)) return -1;
  const value = at + 'bearer '.length;
  const to = run(b, value, end, DOTTED | BASE64);
  if (to - value < 16) return -1;
  for (let index = value; index < to; index++) {
    if (isDigit(b[index]!)) return add(found, 'authorization', value, to);
  }
  return -1;
};

/** `Basic …` without a header's name: base64 of `user:password`. */
const basic: Check = (found, b, at, start, end) => {
  if (!isBound(b, at, start)) return -1;
  const value = at + 'basic '.length;
  const to = run(b, value, end, BASE64);
  if (to - value < 8) return -1;
  const text = Buffer.from(Buffer.from(b.subarray(value, to)).toString('latin1'), 'base64').toString(
    'latin1',
  );
  return /^[\x20-\x7e]*:[\x20-\x7e]*$/.test(text) ? add(found, 'authorization', value, to) : -1;
};

/** Headers in a list, and bytes of a cookie's name and of an attribute. */
const COOKIES_MAX = 16;
const COOKIE_NAME_MAX = 128;
const ATTRIBUTE_BYTES_MAX = 256;

/** Attributes of a Set-Cookie header. */
const ATTRIBUTES = ['path', 'domain', 'expires', 'max-age', 'samesite', 'priority', 'version'].map((text) =>
  Buffer.from(`${text}=`),
);

/** `Cookie: a=1; b=2`, `Set-Cookie: a=1; Path=/`, `"cookie": "a=1"`, `--cookie a=1`. */
const cookie: Check = (found, b, at, start, end) => {
  let name = at + 'cookie'.length;
  if (b[name] === 115 || b[name] === 83) name++;
  const isFlag = at - 2 >= start && b[at - 1] === 45 && b[at - 2] === 45;
  const separator = isFlag ? separatorAt(b, at, name, end, true) : headerSeparator(b, at, name, end);
  if (separator === null) return -1;
  const { from, to } = extent(b, at, separator, start, end);
  const last = pairs(found, b, from, to);
  // `"set-cookie": ["a=1", "b=2"]`
  return b[separator.at] === 91 ? Math.max(last, listed(found, b, to, end)) : last;
};

function listed(found: Span[], b: Uint8Array, at: number, end: number): number {
  let last = -1;
  for (let count = 0; count < COOKIES_MAX; count++) {
    const closed = quoteAt(b, at, end);
    const comma = closed < 0 ? end : skipGap(b, closed + 1, end);
    if (b[comma] !== 44) return last;
    const next = skipGap(b, comma + 1, end);
    const quote = quoteAt(b, next, end);
    if (quote < 0) return last;
    at = quoteEnd(b, quote, quote - next, end);
    last = Math.max(last, pairs(found, b, quote + 1, at));
  }
  return last;
}

function pairs(found: Span[], b: Uint8Array, at: number, end: number): number {
  let last = -1;
  for (;;) {
    let name = at;
    while (name < end && b[name] === 32) name++;
    let equals = name;
    const most = Math.min(end, name + COOKIE_NAME_MAX);
    while (equals < most && !isBlank(b[equals]) && b[equals] !== 61 && b[equals] !== 59) equals++;
    if (equals < end && b[equals] === 61 && equals > name) {
      let to = equals + 1;
      const isAttribute = ATTRIBUTES.some((text) => startsWith(b, name, end, text));
      const limit = isAttribute ? Math.min(end, to + ATTRIBUTE_BYTES_MAX) : end;
      while (to < limit && b[to] !== 59 && (isAttribute ? b[to] !== 10 && b[to] !== 13 : !isBlank(b[to])))
        to++;
      to = trimmed(b, equals + 1, to);
      if (!isAttribute && to > equals + 1) {
        if (!isStars(b, equals + 1, to)) add(found, 'cookie', equals + 1, to);
        last = to;
      }
      at = to;
    } else if (equals === name || b[equals] !== 59) return last;
    else at = equals;
    // `a=1; b=2`, and attributes without a value.
    if (at >= end || b[at] !== 59) return last;
    at++;
  }
}

/** Without a quote or bracket that closes the text around the cookies. */
function trimmed(b: Uint8Array, from: number, to: number): number {
  while (to > from && (isQuote(b[to - 1]) || b[to - 1] === 44 || b[to - 1] === 93 || b[to - 1] === 125)) to--;
  return to;
}

function isStars(b: Uint8Array, from: number, to: number): boolean {
  for (let at = from; at < to; at++) if (b[at] !== 42) return false;
  return true;
}

/** A session's cookie without its header. */
const sessionCookie =
  (length: number): Check =>
  (found, b, at, _start, end) => {
    const value = at + length;
    const to = sessionEnd(b, value, end);
    return to - value >= 12 ? add(found, 'cookie', value, to) : -1;
  };

function sessionEnd(b: Uint8Array, at: number, end: number): number {
  while (at < end && (isIn(b[at], DOTTED | BASE64) || b[at] === 37 || b[at] === 58)) at++;
  return at;
}

export const authorizationSigns: Sign[] = [
  { text: 'authorization', anyCase: true, check: authorization },
  { text: 'bearer ', anyCase: true, check: bearer },
  { text: 'basic ', anyCase: true, check: basic },
];

export const cookieSigns: Sign[] = [
  { text: 'cookie', anyCase: true, check: cookie },
  ...['SESSID=', 'sessionid=', '_session=', 'connect.sid='].map(
    (text): Sign => ({ text, anyCase: true, check: sessionCookie(text.length) }),
  ),
];
