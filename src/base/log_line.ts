import pino from 'pino';
import { harmless } from './text.ts';

const CHARS_MAX = 1_000;
const colors: Record<string, string> = { warn: '\u001b[33m', error: '\u001b[31m', fatal: '\u001b[31m' };
const RESET = '\u001b[0m';

/** A JSON line of pino as `12:04:31 warn Message. [CODE] name=value`; the time is UTC. */
export function shortLogLine(line: string, color = false): string {
  let fields: Record<string, unknown>;
  try {
    fields = JSON.parse(line) as Record<string, unknown>;
  } catch {
    return fit(line);
  }
  const { time, level, msg, code, ...rest } = fields;
  const name = pino.levels.labels[Number(level)] ?? 'log';
  const shown = color && colors[name] ? `${colors[name]}${name}${RESET}` : name;
  const words = [
    msg,
    code && `[${code}]`,
    ...Object.entries(rest).map(([key, value]) => `${key}=${textOf(value)}`),
  ];
  return `${String(time).slice(11, 19)} ${shown} ${fit(words.filter(Boolean).join(' '))}`;
}

const fit = (text: string): string => harmless(text.trimEnd()).slice(0, CHARS_MAX);

const textOf = (value: unknown): string =>
  typeof value === 'object' ? JSON.stringify(value) : String(value);
