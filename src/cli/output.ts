import { once } from 'node:events';
import { StringDecoder } from 'node:string_decoder';
import { escapedJson, exceptColors, harmlessLines } from '../base/text.ts';

/**
 * Writes to stdout, and waits while its buffer is full, so that memory stays bounded. On a terminal bytes of
 * guests lose everything that acts on it; a pipe or a file gets the exact bytes.
 */
export async function print(chunk: string | Uint8Array): Promise<void> {
  const shown = process.stdout.isTTY ? forTerminal(chunk) : chunk;
  if (!process.stdout.write(shown)) await once(process.stdout, 'drain');
}

/** Messages on a terminal are as harmless as the output. */
export function makeMessagesHarmless(): void {
  if (!process.stderr.isTTY) return;
  const say = console.error;
  console.error = (message: string) => say(exceptColors(message));
}

/** A character may be in two pieces. */
const decoder = new StringDecoder();

/** Each command makes its text harmless itself; this is the second lock. */
function forTerminal(chunk: string | Uint8Array): string {
  if (typeof chunk === 'string') return exceptColors(chunk);
  return harmlessLines(decoder.write(Buffer.from(chunk)).replaceAll('\r\n', '\n'));
}

/**
 * Prints the result of a query, which ClickHouse has formatted. JSON gets escapes, which change no value. A
 * table for people is harmless everywhere. Another format is exact, unless it goes to a terminal.
 */
export async function printResult(result: AsyncIterable<Uint8Array>, format: string): Promise<void> {
  const isJson = format.includes('JSON');
  const isTable = format.startsWith('Pretty');
  if (!isJson && !isTable) {
    for await (const chunk of result) await print(chunk);
    return;
  }
  // An escape sequence that is split between two chunks still loses its ESC, and is then harmless.
  const safe = isJson ? escapedJson : harmlessLines;
  const whole = new StringDecoder();
  for await (const chunk of result) await print(safe(whole.write(Buffer.from(chunk))));
  await print(safe(whole.end()));
}

let whenReaderLeft = (error: NodeJS.ErrnoException): void => {
  if (error.code === 'EPIPE') process.exit(0);
  console.error(`Cannot write to stdout: ${error.message}`);
  process.exit(1);
};

/** Ends with exit code 0 if the reader closes the pipe, as in `afterlog logs x | head`. */
export function endQuietlyWhenReaderLeaves(): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => whenReaderLeft(error));
  // Nobody can be told that nobody reads this; a role works on.
  process.stderr.on('error', () => {});
}

/** For a command that must end in order, also if its pipe or its terminal is closed. */
export function whenReaderLeaves(end: () => void): void {
  whenReaderLeft = end;
}

export const jsonLine = (value: object): string => `${escapedJson(JSON.stringify(value))}\n`;
