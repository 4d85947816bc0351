/** Values that stand for a secret, or for none. */
const PLACEHOLDERS = [
  /^(?:\*+|x{3,}|X{3,}|\.{2,}|•+|-+|_+|#+|\?+)$/,
  /^\$\{.*\}?$/,
  /^\$\(.*\)?$/,
  /^\$[A-Z_][A-Z0-9_]*$/,
  /^\{\{.*\}?\}?$/,
  /^\{\w*\}$/,
  /^%(?:[a-z]|\(\w+\)s|\w+%)$/,
  /^<[A-Za-z][\w .:-]*>$/,
  /^\[[A-Za-z _-]*\]?$/,
  /^\([A-Za-z _-]*\)?$/,
  /^(?:null|nil|none|undefined|true|false|yes|no|on|off|n\/a|empty|unset|not|set|ok)[,.]?$/i,
  /^(?:redacted|hidden|masked|filtered|removed|omitted|sensitive|secret|password|passwd|token|unknown)$/i,
  /^(?:required|optional|missing|invalid|incorrect|wrong|expired|changed|mismatch|failed|rejected|accepted)[,.]?$/i,
  /^(?:str|string|text|bytes|int|integer|number|object|array|function|bool|boolean|SecretStr|any)$/i,
];

/** Source code in a value's place, as tracebacks print it: `self.password`, `os.environ[…]`, `getpass()`. */
const CODE = [
  /^(?:self|this|os|process|config|conf|cfg|settings|opts|options|args|env|req|request|params|ctx|user)\b[.[]/,
  /^[A-Za-z_.]+\((?:[^()]*\)|['"]?[A-Za-z_.-]*['"]?,?)[,;)]*$/,
];

export const isPlaceholder = (text: string): boolean => PLACEHOLDERS.some((pattern) => pattern.test(text));
export const isCode = (text: string): boolean => CODE.some((pattern) => pattern.test(text));

const PATH = /^(?:~?\/|\.{1,2}\/|[A-Za-z]:\\|https?:|file:|arn:|projects\/)/;
export const isPath = (text: string): boolean => PATH.test(text);

/** Text that nobody writes as a word: letters and several digits, or both cases and a digit. */
export function isDrawn(text: string, least: number): boolean {
  if (text.length < least || !/^[\w.~+/=:!@#$%^&*-]+$/.test(text) || !/[A-Za-z]/.test(text)) return false;
  return /\d.*\d/.test(text) || (/\d/.test(text) && /[a-z]/.test(text) && /[A-Z]/.test(text));
}

export const isUuid = (text: string): boolean =>
  /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i.test(text);
