/** Kinds of secrets that can be redacted, named as in settings and metrics. */
export const kinds = [
  ...(['aws', 'gcp', 'azure', 'github', 'slack', 'stripe', 'openai', 'token', 'jwt'] as const),
  ...(['private_key', 'url_password', 'authorization', 'email', 'pattern'] as const),
] as const;
export type Kind = (typeof kinds)[number];

/** The kinds that setting `redact` may name; `pattern` counts matches of setting `redact_patterns`. */
export const builtInKinds = kinds.filter((kind) => kind !== 'pattern');

/** Classes of bytes, as bits. */
export const DIGIT_UPPER = 1;
export const ALNUM = 2;
/** Letters, digits, `_` and `-`: base64 for URLs, and most tokens. */
export const WORD = 4;
export const BASE64 = 8;
/** Bytes of the local part of an e-mail address. */
export const LOCAL = 16;
/** Bytes of a host's name. */
export const HOST = 32;
export const DOTTED = 64;
/** Bytes that end a value: space, quotes, separators, brackets, control characters. */
export const END = 128;

export const classOf = new Uint8Array(256);

function add(bit: number, characters: string): void {
  for (const character of characters) classOf[character.charCodeAt(0)]! |= bit;
}
const digits = '0123456789';
const upper = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ';
const letters = upper + upper.toLowerCase();
add(DIGIT_UPPER, digits + upper);
for (const bit of [ALNUM, WORD, BASE64, LOCAL, HOST, DOTTED]) add(bit, digits + letters);
add(WORD, '_-');
add(BASE64, '+/=');
add(LOCAL, '._%+-');
add(HOST, '.-');
add(DOTTED, '_-.~');
add(END, ' \t"\'`,;<>()[]{}|\\');
for (let byte = 0; byte < 32; byte++) classOf[byte]! |= END;
classOf[127]! |= END;

/** A secret that begins with a known prefix. */
interface Token {
  kind: Kind;
  prefix: string;
  /** Class of the bytes that follow the prefix. */
  class: number;
  /** Least and greatest number of these bytes. */
  min: number;
  max: number;
}

const token = (kind: Kind, prefix: string, bits: number, min: number, max = 1024): Token => ({
  ...{ kind, prefix, class: bits, min, max },
});

const tokens: Token[] = [
  ...['AKIA', 'ASIA'].map((prefix) => token('aws', prefix, DIGIT_UPPER, 16, 16)),
  token('gcp', 'AIza', WORD, 35, 35),
  token('gcp', 'ya29.', DOTTED, 20),
  token('gcp', 'GOCSPX-', WORD, 20),
  ...['p', 'o', 'u', 's', 'r'].map((letter) => token('github', `gh${letter}_`, ALNUM, 36, 255)),
  token('github', 'github_pat_', WORD, 22, 255),
  ...['a', 'b', 'e', 'p', 'r', 's'].map((letter) => token('slack', `xox${letter}-`, WORD, 10)),
  token('slack', 'xapp-', WORD, 10),
  token('slack', 'hooks.slack.com/services/', BASE64, 20),
  ...['sk_live_', 'sk_test_', 'rk_live_', 'rk_test_', 'whsec_'].map((prefix) =>
    token('stripe', prefix, BASE64, 16, 255),
  ),
  token('openai', 'sk-', WORD, 20, 255),
  token('token', 'glpat-', WORD, 20, 255),
  token('token', 'npm_', ALNUM, 36, 36),
  token('token', 'hf_', ALNUM, 30, 64),
  token('token', 'pypi-', WORD, 50),
  token('token', 'SG.', DOTTED, 60, 80),
  token('token', 'dop_v1_', ALNUM, 64, 64),
];

/** A secret that is the value of a known name: `name = value`, `"name": "value"`. */
interface Named {
  kind: Kind;
  /** In lower case. */
  name: string;
  class: number;
  min: number;
}

const names: Named[] = [
  ...['secret_access_key', 'secretaccesskey', 'aws_secret_key'].map((name) => ({
    ...{ kind: 'aws' as const, name, class: BASE64, min: 40 },
  })),
  ...['session_token', 'sessiontoken', 'security_token'].map((name) => ({
    ...{ kind: 'aws' as const, name, class: BASE64, min: 100 },
  })),
  ...['accountkey', 'sharedaccesskey', 'azure_storage_key'].map((name) => ({
    ...{ kind: 'azure' as const, name, class: BASE64, min: 40 },
  })),
  ...['x-api-key', 'x-auth-token'].map((name) => ({
    ...{ kind: 'authorization' as const, name, class: DOTTED | BASE64, min: 8 },
  })),
];

export interface Prefixed extends Token {
  /** The prefix without its last byte, which the table of checks has matched already. */
  before: Uint8Array;
}
export interface NamedValue extends Named {
  bytes: Uint8Array;
}

/**
 * Indexed by the last byte of the prefix or name, then by the byte before it: this excludes most bytes early.
 */
export type ByEnd<One> = Map<number, (One[] | undefined)[]>;

function byEnd<One>(all: One[], bytesOf: (one: One) => Uint8Array): ByEnd<One> {
  const found: ByEnd<One> = new Map();
  for (const one of all) {
    const [before, last] = bytesOf(one).subarray(-2) as unknown as [number, number];
    const some = found.get(last) ?? new Array<One[] | undefined>(256).fill(undefined);
    some[before] = [...(some[before] ?? []), one];
    found.set(last, some);
  }
  return found;
}

export const prefixesOf = (wanted: ReadonlySet<Kind>): ByEnd<Prefixed> =>
  byEnd(
    tokens
      .filter(({ kind }) => wanted.has(kind))
      .map((one) => ({ ...one, before: Buffer.from(one.prefix).subarray(0, -1) })),
    ({ prefix }) => Buffer.from(prefix),
  );

export const namesOf = (wanted: ReadonlySet<Kind>): ByEnd<NamedValue> =>
  byEnd(
    names.filter(({ kind }) => wanted.has(kind)).map((one) => ({ ...one, bytes: Buffer.from(one.name) })),
    ({ bytes }) => bytes,
  );
