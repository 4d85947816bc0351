import { AfterlogError } from './errors.ts';
import { limits } from './limits.ts';
import { isIdOfName } from './name_bytes.ts';

/**
 * The id of a sandbox is the name of its folder, as a listing gave it and `idOfName` shows it: so it is one
 * name of a path, and never more. Ids that earlier versions stored may break the rule. They are only read and
 * erased in ClickHouse: no path and no request to an agent or a runtime is made of them.
 * @returns what is wrong with a text as an id; null if nothing is
 */
export function wrongWithId(text: string): string | null {
  if (text === '') return 'it is empty';
  if (text.includes('/')) return 'it holds a slash';
  if (text.includes('\0')) return 'it holds a NUL';
  // Also `.` and `..`. Folders with such a name are hidden, like the agent's own.
  if (text.startsWith('.')) return 'it begins with a dot';
  if (!text.isWellFormed()) return 'it is not valid Unicode';
  if (!isIdOfName(text)) return 'a U+FFFD in it does not stand for a byte of a name';
  const max = limits.tail.sandbox_id_bytes_max;
  // As it stands in the names of pins.
  const encoded = encodeURIComponent(text);
  const { length } = encoded;
  if (length <= max) return null;
  return `${encoded === text ? '' : 'percent-encoded '}it has ${length} bytes, over ${max}`;
}

export const isSandboxId = (text: string): boolean => wrongWithId(text) === null;

/** @throws AfterlogError ID_INVALID */
export function requireSandboxId(text: string): void {
  const wrong = wrongWithId(text);
  if (wrong === null) return;
  throw new AfterlogError(
    'ID_INVALID',
    `'${text.slice(0, limits.log.shown_chars_max)}' is not an id: ${wrong}.`,
  );
}
