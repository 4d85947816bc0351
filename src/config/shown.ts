import { limits } from '../base/limits.ts';
import type { Setting } from './schema.ts';

const MASK = '********';

/** Masks secrets and passwords in addresses; the workspaces and scopes of tokens stay visible. */
export function maskedText({ name, secret }: Setting, text: string): string {
  if (text === '') return text;
  if (name === 'tokens') return `${MASK}${/:.*$/.exec(text)?.[0] ?? ''}`;
  return secret ? MASK : withoutPassword(text);
}

export function masked(setting: Setting, value: unknown): unknown {
  if (Array.isArray(value)) return value.map((item) => maskedText(setting, String(item)));
  return typeof value === 'string' ? maskedText(setting, value) : (value ?? null);
}

/** `http://user:password@host?password=x`, and `user:password@host`, which people may write for a broker. */
function withoutPassword(text: string): string {
  return text
    .replace(/^(\w*:\/\/).*@|^[^@]*:.*@/, (_, scheme = '') => `${scheme}${MASK}@`)
    .replace(/([?&]\w*(?:password|secret|token)\w*=)[^&]*/gi, `$1${MASK}`);
}

/** The value for a message about it: masked, cut to limits.log.shown_chars_max, quoted. */
export function quoted(setting: Setting, value: string): string {
  const text = withoutPassword(value);
  const { shown_chars_max } = limits.log;
  return setting.secret
    ? 'a value that is not shown'
    : JSON.stringify(text.length > shown_chars_max ? `${text.slice(0, shown_chars_max)}…` : text);
}
