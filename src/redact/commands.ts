import { ALNUM, isIn, textOf } from './bytes.ts';
import { isPlaceholder } from './placeholders.ts';
import { add, type Check, type Sign } from './signs.ts';
import { isBlank, separatorAt, type Value, valueAt } from './values.ts';

/** Options of a command whose value is a password. */
interface Command {
  name: string;
  /** The option, up to its value or the separator before it. */
  option: RegExp;
  /** Whether the value is `user:password`. */
  hasUser?: boolean;
  /** Whether the value stands directly behind the option. */
  isGlued?: boolean;
}

const COMMANDS: Command[] = [
  { name: 'curl', option: /[\s"'](?:-[a-zA-Z]{0,5}[uU]|--(?:proxy-)?user)/g, hasUser: true },
  ...['mysql', 'mysqldump', 'mysqladmin', 'mariadb'].map((name) => ({
    ...{ name, option: /[\s"']-p/g, isGlued: true },
  })),
  { name: 'sshpass', option: /[\s"']-p/g },
  { name: 'redis-cli', option: /[\s"'](?:-a|--pass)(?=\W)/g },
  { name: 'docker login', option: /[\s"']-p(?=\W)/g },
];

export const commandSigns = (): Sign[] =>
  COMMANDS.map((command) => ({ text: command.name, check: commandCheck(command) }));

function commandCheck({ name, option, hasUser = false, isGlued = false }: Command): Check {
  return (found, b, at, start, end) => {
    const from = at + name.length;
    // The name of a program, not of its agent or folder: a space or a quote follows.
    if (from >= end || ![32, 34, 39, 92].includes(b[from]!)) return -1;
    if (at > start && isIn(b[at - 1], ALNUM)) return -1;
    const line = commandEnd(b, from, end, name);
    for (const match of textOf(b, from, line).matchAll(option)) {
      const behind = from + match.index + match[0].length;
      const value = isGlued ? glued(b, behind, line) : argument(b, from, behind, line);
      if (value === null) continue;
      const secret = hasUser ? passwordOf(b, value) : value.from;
      if (secret >= 0 && secret < value.to && !isPlaceholder(textOf(b, secret, value.to))) {
        add(found, 'password', secret, value.to);
      }
    }
    return from;
  };
}

/** The end of the command's line, or the start of the same command. */
function commandEnd(b: Uint8Array, from: number, end: number, name: string): number {
  const rest = Buffer.from(b.buffer, b.byteOffset + from, end - from);
  const newline = rest.indexOf(10);
  const line = newline < 0 ? rest : rest.subarray(0, newline);
  const next = line.indexOf(name);
  return from + (next < 0 ? line.length : next);
}

/** `-u value`, `-u=value`, `"-u", "value"`, `-uvalue`. */
function argument(b: Uint8Array, from: number, at: number, end: number): Value | null {
  return isIn(b[at], ALNUM) ? glued(b, at, end) : behindSeparator(b, from, at, end);
}

function behindSeparator(b: Uint8Array, from: number, at: number, end: number): Value | null {
  const separator = separatorAt(b, from, at, end, true);
  return separator === null ? null : valueAt(b, separator.at, end, { ...separator, isQuoted: false });
}

function glued(b: Uint8Array, at: number, end: number): Value | null {
  if (isBlank(b[at])) return null;
  return valueAt(b, at, end, { at, by: ' ', isSpaced: false, isQuoted: false });
}

function passwordOf(b: Uint8Array, { from, to }: Value): number {
  for (let at = from; at < to; at++) if (b[at] === 58) return at + 1;
  return -1;
}
