import pino, { type Logger } from 'pino';
import { reasonOf } from '../errors.ts';
import { harmless } from './text.ts';

type Destination = { write(text: string): unknown };

/**
 * Sends our own log lines to `print`, made short, instead of to stderr: for a terminal that shows a live view,
 * which they would tear. The function returned undoes it.
 */
export function printLog(log: Logger, print: (line: string) => void): () => void {
  const destination = (log as unknown as Record<symbol, Destination>)[pino.symbols.streamSym]!;
  const before = destination.write;
  destination.write = (text) => {
    for (const line of text.split('\n')) if (line !== '') print(shortLogLine(line));
  };
  return () => {
    destination.write = before;
  };
}

/** `12:04:31 warn message name=value` of a JSON line of pino. */
export function shortLogLine(line: string): string {
  try {
    const { time, level, msg, ...rest } = JSON.parse(line) as Record<string, unknown>;
    const name = pino.levels.labels[Number(level)] ?? 'log';
    const fields = Object.entries(rest).map(([key, value]) => `${key}=${fieldText(value)}`);
    return harmless([String(time).slice(11, 19), name, msg ?? '', ...fields].join(' '), 1_000);
  } catch {
    return harmless(line, 1_000);
  }
}

function fieldText(value: unknown): string {
  if (typeof value !== 'object' || value === null) return String(value);
  const { message } = value as { message?: unknown };
  return typeof message === 'string' ? reasonOf(new Error(message)) : JSON.stringify(value);
}
