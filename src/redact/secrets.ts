import {
  ALNUM,
  BASE64,
  classOf,
  DOTTED,
  END,
  HOST,
  type Kind,
  LOCAL,
  namesOf,
  prefixesOf,
  WORD,
} from './kinds.ts';

/** The last secret that a check found: bytes [from, to) and its kind. One object, to avoid allocations. */
export const secret = { from: 0, to: -1, kind: 'token' as Kind };

/** Longest secret within one line. */
export const SECRET_BYTES_MAX = 4_096;
/** Bytes before an `@` in which the start of a URL is searched. */
const LOOK_BACK = 256;

type Check = (b: Uint8Array, at: number, start: number, end: number) => boolean;

/**
 * Checks for secrets, indexed by the byte that triggers them. Any other byte costs one table look-up. The
 * cost of each check is bounded.
 */
export function checksFor(wanted: ReadonlySet<Kind>): (Check | undefined)[] {
  const lists: Check[][] = Array.from({ length: 256 }, () => []);
  const on = (characters: string, check: Check): void => {
    for (const character of characters) lists[character.charCodeAt(0)]!.push(check);
  };
  for (const [byte, prefixes] of prefixesOf(wanted)) {
    lists[byte]!.push((b, at, start, end) => {
      const some = at > start ? prefixes[b[at - 1]!] : undefined;
      return some?.some((one) => isToken(b, at, start, end, one)) ?? false;
    });
  }
  const named = namesOf(wanted);
  if (named.size > 0) {
    on('=:', (b, at, start, end) => {
      let last = at - 1;
      while (last > start && at - last < 4 && isQuoteOrSpace(b[last]!)) last--;
      const some = last > start ? named.get(lower(b[last]!))?.[lower(b[last - 1]!)] : undefined;
      return some?.some((one) => isNamed(b, at, last, start, end, one)) ?? false;
    });
  }
  if (wanted.has('azure')) {
    on('~', azureSecret);
    on('=', sharedSignature);
  }
  if (wanted.has('jwt')) on('J', webToken);
  if (wanted.has('url_password')) on('@', urlPassword);
  // After the check for a password: what looks like an address in a URL is its user and host.
  if (wanted.has('email')) on('@', address);
  if (wanted.has('authorization')) {
    on('zZ', authorization);
    on('Bb', bearer);
  }
  return lists.map((list) => {
    if (list.length <= 1) return list[0];
    return (b, at, start, end) => list.some((check) => check(b, at, start, end));
  });
}

function found(kind: Kind, from: number, to: number): boolean {
  secret.kind = kind;
  secret.from = from;
  secret.to = to;
  return true;
}

function run(b: Uint8Array, at: number, end: number, bits: number): number {
  const most = Math.min(end, at + SECRET_BYTES_MAX);
  while (at < most && (classOf[b[at]!]! & bits) !== 0) at++;
  return at;
}

function isToken(
  b: Uint8Array,
  at: number,
  start: number,
  end: number,
  token: { kind: Kind; before: Uint8Array; class: number; min: number; max: number },
): boolean {
  const { before, kind, min, max } = token;
  const from = at - before.length;
  if (from < start) return false;
  for (let index = before.length - 1; index >= 0; index--)
    if (b[from + index] !== before[index]) return false;
  // A prefix in the middle of a word is no token, but the letter before it may belong to an escape such as
  // \n.
  if (from > start && (classOf[b[from - 1]!]! & ALNUM) !== 0 && b[from - 2] !== 92) return false;
  const most = min === max ? Math.min(end, at + max + 2) : end;
  const to = run(b, at + 1, most, token.class);
  const length = to - at - 1;
  // A token of a fixed length must end there.
  return length >= min && (length <= max || max > min) ? found(kind, from, to) : false;
}

/** `name = value` or `"name": "value"`: `at` is the `=` or `:`, and the name ends at `last`. */
function isNamed(
  b: Uint8Array,
  at: number,
  last: number,
  start: number,
  end: number,
  { kind, bytes, class: bits, min }: { kind: Kind; bytes: Uint8Array; class: number; min: number },
): boolean {
  const from = last - bytes.length + 1;
  if (from < start) return false;
  for (let index = bytes.length - 1; index >= 0; index--) {
    if (lower(b[from + index]!) !== bytes[index]) return false;
  }
  const value = valueAt(b, at + 1, end);
  const to = run(b, value, end, bits);
  return to - value >= min ? found(kind, value, to) : false;
}

const lower = (byte: number): number => (byte >= 65 && byte <= 90 ? byte + 32 : byte);
/** Spaces, quotes, and the backslashes of escaped quotes. */
const isQuoteOrSpace = (byte: number): boolean => byte === 32 || byte === 34 || byte === 39 || byte === 92;

function valueAt(b: Uint8Array, at: number, end: number): number {
  for (let skipped = 0; skipped < 6 && at < end && isQuoteOrSpace(b[at]!); skipped++) at++;
  return at;
}

/** A client secret: three characters, a digit, `Q~`, and at least 31 more. */
function azureSecret(b: Uint8Array, at: number, start: number, end: number): boolean {
  const from = at - 5;
  if (from < start || b[at - 1] !== 81 || !isDigit(b[at - 2]!)) return false;
  for (let index = from; index < at - 2; index++) if ((classOf[b[index]!]! & DOTTED) === 0) return false;
  const to = run(b, at + 1, end, DOTTED);
  return to - at - 1 >= 31 ? found('azure', from, to) : false;
}

/** `?sig=…` or `&sig=…` of a shared access signature. */
function sharedSignature(b: Uint8Array, at: number, start: number, end: number): boolean {
  if (at - 4 < start || b[at - 1] !== 103 || b[at - 2] !== 105 || b[at - 3] !== 115) return false;
  if (b[at - 4] !== 38 && b[at - 4] !== 63) return false;
  let to = at + 1;
  while (to < end && to - at < 200 && (b[to] === 37 || (classOf[b[to]!]! & BASE64) !== 0)) to++;
  return to - at - 1 >= 40 ? found('azure', at + 1, to) : false;
}

/** `eyJ….eyJ….…` */
function webToken(b: Uint8Array, at: number, start: number, end: number): boolean {
  const from = at - 2;
  if (from < start || b[at - 1] !== 121 || b[from] !== 101) return false;
  if (from > start && (classOf[b[from - 1]!]! & WORD) !== 0 && b[from - 2] !== 92) return false;
  const head = run(b, at + 1, end, WORD);
  if (head - at < 8 || b[head] !== 46 || head >= end) return false;
  const body = run(b, head + 1, end, WORD);
  if (body - head < 8 || b[body] !== 46 || body >= end) return false;
  return found('jwt', from, run(b, body + 1, end, WORD));
}

/** `scheme://user:password@host` */
function urlPassword(b: Uint8Array, at: number, start: number, end: number): boolean {
  if (at + 1 >= end) return false;
  const least = Math.max(start, at - LOOK_BACK);
  let colon = -1;
  for (let index = at - 1; index >= least; index--) {
    const byte = b[index]!;
    if (byte === 58) colon = index;
    if (byte === 47) {
      const isUrl = index - 2 >= start && b[index - 1] === 47 && b[index - 2] === 58;
      return isUrl && colon > index && at - colon > 1 ? found('url_password', colon + 1, at) : false;
    }
    if (byte <= 32 || byte === 64 || byte === 34 || byte === 60 || byte === 62) return false;
  }
  return false;
}

/** An e-mail address: `local@host.domain`. */
function address(b: Uint8Array, at: number, start: number, end: number): boolean {
  const least = Math.max(start, at - 64);
  let from = at;
  while (from > least && (classOf[b[from - 1]!]! & LOCAL) !== 0) from--;
  if (from === at) return false;
  let to = at + 1;
  let dot = -1;
  const most = Math.min(end, at + 254);
  while (to < most && (classOf[b[to]!]! & HOST) !== 0) {
    if (b[to] === 46) dot = to;
    to++;
  }
  // The period that ends a sentence is not part of the address.
  while (to > at + 1 && (b[to - 1] === 46 || b[to - 1] === 45)) to--;
  if (dot >= to) for (dot = to - 1; dot > at && b[dot] !== 46; dot--);
  if (dot <= at + 1 || to - dot - 1 < 2) return false;
  for (let index = dot + 1; index < to; index++) if (!isLetter(b[index]!)) return false;
  // `logo@2x.png` is a file name.
  return PICTURES.some((text) => to - dot - 1 === text.length && startsWith(b, dot + 1, to, text))
    ? false
    : found('email', from, to);
}

const isDigit = (byte: number): boolean => byte >= 48 && byte <= 57;
const isLetter = (byte: number): boolean => (byte >= 65 && byte <= 90) || (byte >= 97 && byte <= 122);

const PICTURES = ['png', 'jpg', 'jpeg', 'webp', 'svg', 'gif'].map((text) => Buffer.from(text));
const AUTHORIZATION = Buffer.from('authorization');
const BEARER = Buffer.from('bearer ');
const SCHEMES = ['bearer', 'basic', 'token', 'digest', 'negotiate', 'apikey'].map((text) =>
  Buffer.from(text),
);

/** `Authorization: Bearer …`, also in JSON; `at` is the `z`. */
function authorization(b: Uint8Array, at: number, start: number, end: number): boolean {
  const from = at - 7;
  if (from < start || !startsWith(b, from, end, AUTHORIZATION)) return false;
  let value = from + AUTHORIZATION.length;
  for (let skipped = 0; skipped < 3 && isQuoteOrSpace(b[value]!); skipped++) value++;
  if (b[value] !== 58 && b[value] !== 61) return false;
  value = valueAt(b, value + 1, end);
  const scheme = SCHEMES.find((text) => startsWith(b, value, end, text) && b[value + text.length] === 32);
  if (scheme !== undefined) value = valueAt(b, value + scheme.length, end);
  const to = valueEnd(b, value, end);
  return to - value >= 4 ? found('authorization', value, to) : false;
}

/** `Bearer …` without a header's name: only if at least 16 characters with a digit follow. */
function bearer(b: Uint8Array, at: number, start: number, end: number): boolean {
  if (!startsWith(b, at, end, BEARER)) return false;
  if (at > start && (classOf[b[at - 1]!]! & ALNUM) !== 0) return false;
  const value = at + BEARER.length;
  const to = run(b, value, end, DOTTED | BASE64);
  if (to - value < 16) return false;
  let digits = 0;
  for (let index = value; index < to; index++) if (isDigit(b[index]!)) digits++;
  return digits > 0 ? found('authorization', value, to) : false;
}

function valueEnd(b: Uint8Array, at: number, end: number): number {
  const most = Math.min(end, at + SECRET_BYTES_MAX);
  while (at < most && (classOf[b[at]!]! & END) === 0) at++;
  return at;
}

function startsWith(b: Uint8Array, at: number, end: number, text: Uint8Array): boolean {
  if (at + text.length > end) return false;
  for (let index = 0; index < text.length; index++) if (lower(b[at + index]!) !== text[index]) return false;
  return true;
}
