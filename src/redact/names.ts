import { BASE64, DOTTED, isIn, NAME, run, runBack, textOf } from './bytes.ts';
import type { Kind } from './kinds.ts';
import { isCode, isDrawn, isPath, isPlaceholder, isUuid } from './placeholders.ts';
import { add, type Check, type Sign, type Span } from './signs.ts';
import {
  escapedLineEnd,
  isLast,
  outerEnd,
  type Separator,
  separatorAt,
  type Value,
  valueAt,
} from './values.ts';

/** A value with a name, `name=value`, as text. */
interface Pair {
  /** In lower case, with `_` between the words of camelCase. */
  name: string;
  value: string;
  /** Whether the value can only be a value: `name=…`, `name: "…"`, not the next word of a sentence. */
  isDirect: boolean;
  /** Whether the line ends behind it. */
  isLast: boolean;
  isFlag: boolean;
}

type Rule = (pair: Pair) => boolean;

/** What may follow the word that names a secret: `password_hash`, `SECRET_KEY_BASE`, `apiKey2`. */
const TAIL =
  '(?:[_.-]?(?:base|hash|digest|salt|confirmation|confirm|repeat|value|prod|dev|test|staging|live|old|new|current|previous|primary|secondary|text|plain|\\d{1,3}))?$';
const named = (words: string): RegExp => new RegExp(`(?:${words})${TAIL}`);

const PASSWORD = named('passw(?:or)?d|passwort|passphrase|passcode|passwd');
/** Short words, which must be whole: DB_PASS, dbPwd, pw. */
const SHORT_PASSWORD = /(?:^|[_.-]|store|key)(?:pass|pwd|pw)\d*$/;
const SECRET = named(
  'secret|(?:api|access|secret|private|auth|account|encryption|signing|master|license|app|application|service|admin|shared)[_.-]?key',
);
const TOKEN = named('token');
const WEAK = /(?:[_.-]key|(?:^|[_.-])(?:auth|creds?|credentials?))$/;
/** Names of keys and tokens that are no secrets. */
const HARMLESS =
  /(?:^|[_.-])(?:public|primary|foreign|partition|sort|cache|routing|idempotency|row|index|hash|map|group|object|unique|join|shard|message|translation|lookup|dedup\w*|storage|s3|registry|host|hot|short|arrow|sub|parent|meta|page|next|prev|previous|continu\w*|cancell?ation|sync|resume|last|first|stop|start|eos|bos|pad|unk|mask|special|unexpected|invalid|bad|bucket|event|metric|record|span|trace|request)[_.-]?(?:key|token)$/;

const rules: [RegExp, Kind, Rule][] = [
  [PASSWORD, 'password', isPassword],
  [SHORT_PASSWORD, 'password', isShortPassword],
  [SECRET, 'secret', isSecret],
  [TOKEN, 'secret', isTokenValue],
  [WEAK, 'secret', isWeak],
];

function isPassword({ value, isDirect, isLast }: Pair): boolean {
  if (isDirect) return true;
  // In prose only what no sentence has: `password: must be longer`.
  return isLast || /[A-Za-z].*\d|\d.*[A-Za-z]|\d{4}|[^A-Za-z0-9'.,;:()-]|[a-z][A-Z]/.test(value);
}

/** `PWD=/home/me` and `pass=12 fail=0` are no passwords. */
function isShortPassword({ name, value, isDirect, isFlag }: Pair): boolean {
  if (!isDirect || isFlag) return false;
  if (/pwd$/.test(name) && isPath(value)) return false;
  return !(/^pass$/.test(name) && /^[\d.,%/]+$/.test(value));
}

function isSecret({ name, value, isDirect, isLast }: Pair): boolean {
  if (isPath(value) || /\s/.test(value) || value.length < 6) return false;
  if (!isDirect) return isLast || isDrawn(value, 8);
  // `secret=default/my-secret` names one.
  return !(/^secret$/.test(name) && /^[a-z0-9.-]+\/[a-z0-9.-]+$/.test(value) && !/\d{3}/.test(value));
}

function isTokenValue({ name, value, isDirect }: Pair): boolean {
  if (isPath(value) || /\s/.test(value)) return false;
  if (!isDirect) return isDrawn(value, 8);
  if (/^token$/.test(name)) return isDrawn(value, 8) || (value.length >= 20 && /[a-z]/.test(value));
  return value.length >= 6;
}

function isWeak({ name, value }: Pair): boolean {
  if (!isDrawn(value, 16) || isUuid(value)) return false;
  return name.endsWith('auth') || !isPath(value);
}

const WORDS = ['password', 'passwd', 'passwort', 'passphrase', 'passcode', 'pass', 'pwd', 'pw'].map(
  (word): [string, Kind] => [word, 'password'],
);
WORDS.push(
  ...['secret', 'token', 'key', 'auth', 'cred', 'creds', 'credential', 'credentials'].map(
    (word): [string, Kind] => [word, 'secret'],
  ),
);

/** Names of one provider, whose values have a known form. */
interface Exact {
  kind: Kind;
  name: string;
  min: number;
}
const exact: Exact[] = [
  ...['secret_access_key', 'secretaccesskey', 'aws_secret_key'].map(
    (name): Exact => ({ kind: 'aws', name, min: 40 }),
  ),
  ...['session_token', 'sessiontoken', 'security_token', 'security-token'].map(
    (name): Exact => ({ kind: 'aws', name, min: 100 }),
  ),
  ...['accountkey', 'sharedaccesskey', 'azure_storage_key'].map(
    (name): Exact => ({ kind: 'azure', name, min: 40 }),
  ),
  ...['x-api-key', 'x-auth-token', 'private-token', 'x-vault-token'].map(
    (name): Exact => ({ kind: 'authorization', name, min: 8 }),
  ),
];

/**
 * A value from this length on is no word of a sentence and no stand-in. It is hidden whatever it is, so that
 * a text of many names costs no long look at each.
 */
const LONG_BYTES = 256;

/** Bytes of a name before and behind the word in it. */
const NAME_BYTES_MAX = 64;
const TAIL_BYTES_MAX = 16;

export function nameSigns(wanted: ReadonlySet<Kind>): Sign[] {
  const own = exact
    .filter(({ kind }) => wanted.has(kind))
    .map((one): Sign => ({ text: one.name, anyCase: true, check: exactCheck(one) }));
  const words = WORDS.filter(([, kind]) => wanted.has(kind)).map(
    ([word]): Sign => ({ text: word, anyCase: true, check: wordCheck(word, wanted) }),
  );
  return [...own, ...words];
}

const exactCheck =
  ({ kind, name, min }: Exact): Check =>
  (found, b, at, _start, end) => {
    const separator = separatorAt(b, at, at + name.length, end, false);
    if (separator === null) return -1;
    const value = valueAt(b, separator.at, Math.min(end, separator.at + LONG_BYTES), separator);
    if (value === null) return -1;
    const to = run(b, value.from, end, TOKEN_BYTES);
    return to - value.from >= min ? add(found, kind, value.from, to) : -1;
  };
const TOKEN_BYTES = BASE64 | DOTTED;

const wordCheck =
  (word: string, wanted: ReadonlySet<Kind>): Check =>
  (found, b, at, start, end) => {
    const tail = at + word.length;
    const behind = b[tail];
    // Most words are prose: this ends the check early.
    if (behind === 32 && b[tail + 1] !== 61 && b[tail + 1] !== 58 && !mayBeFlag(b, at, start)) return -1;
    const nameEnd = run(b, tail, Math.min(end, tail + TAIL_BYTES_MAX), NAME);
    return pairAt(found, b, at, nameEnd, start, end, wanted);
  };

/** Whether the name around `at` begins with a dash. */
function mayBeFlag(b: Uint8Array, at: number, start: number): boolean {
  const from = runBack(b, at, start, NAME, NAME_BYTES_MAX);
  return b[from] === 45;
}

function pairAt(
  found: Span[],
  b: Uint8Array,
  at: number,
  nameEnd: number,
  start: number,
  end: number,
  wanted: ReadonlySet<Kind>,
): number {
  let from = runBack(b, at, start, NAME, NAME_BYTES_MAX);
  const isFlag = b[from] === 45 && (from === start || !isIn(b[from - 1], NAME));
  const separator = separatorAt(b, from, nameEnd, end, isFlag);
  if (separator === null) return -1;
  // The letter of an escape such as \n is no part of the name.
  if (from < at && from > start && b[from - 1] === 92) from++;
  const text = textOf(b, from, nameEnd).replace(/^-+/, '');
  // `/etc/passwd: no entry`
  if (b[from - 1] === 47 && separator.by === ':') return -1;
  const name = text.replace(/([a-z\d])([A-Z])/g, '$1_$2').toLowerCase();
  const rule = rules.find(([pattern, kind]) => wanted.has(kind) && pattern.test(name));
  if (rule === undefined) return -1;
  const [, kind, isSecretValue] = rule;
  if (kind === 'secret' && HARMLESS.test(name)) return -1;
  const outer = separator.isQuoted ? -1 : outerEnd(b, from, start, end);
  const most = Math.min(end, separator.at + LONG_BYTES);
  let value = valueAt(b, separator.at, most, separator, Math.min(outer, most));
  if (value === null || value.to <= value.from) return -1;
  if (value.to === most && most < end) {
    if (isSecretValue === isWeak) return -1;
    value = valueAt(b, separator.at, end, separator, outer)!;
    return add(found, kind, value.from, value.to);
  }
  // All of `"DB_PASSWORD=two words"`, as in a list of a container's variables.
  if (b[value.to] === 32 && outer > value.to && /^[A-Z][A-Z\d_]*$/.test(text)) {
    value.to = escapedLineEnd(b, value.to, outer);
  }
  return isSecretValue(pairOf(b, name, separator, value, end, isFlag)) && isNoStandIn(b, text, value)
    ? add(found, kind, value.from, value.to)
    : -1;
}

function pairOf(
  b: Uint8Array,
  name: string,
  { by, isSpaced, isQuoted }: Separator,
  { from, to, inQuotes }: Value,
  end: number,
  isFlag: boolean,
): Pair {
  return {
    name,
    value: textOf(b, from, to),
    isDirect: inQuotes || isQuoted || by !== ':' || !isSpaced,
    isLast: isLast(b, to, end),
    isFlag: isFlag && by === ' ',
  };
}

function isNoStandIn(b: Uint8Array, name: string, { from, to, inQuotes }: Value): boolean {
  const text = textOf(b, from, to);
  if (isPlaceholder(text)) return false;
  if (inQuotes) return true;
  // `connect(password=password)` in a traceback.
  return !isCode(text) && text.toLowerCase() !== name.toLowerCase();
}
