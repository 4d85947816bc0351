import { limits } from '../config/limits.ts';
import { AfterlogError } from '../errors.ts';
import type { Place } from '../store/read_log.ts';

/** A request that cannot be served as it is; the sentence names the parameter. */
export class BadParameter extends AfterlogError {
  constructor(sentence: string) {
    super('PARAMETER_INVALID', sentence);
  }
}

/** @throws BadParameter */
export function wholeNumber(name: string, text: string | undefined, fallback: number, max: number): number {
  if (text === undefined || text === '') return fallback;
  const number = Number(text);
  if (!/^\d{1,9}$/.test(text) || number > max) {
    throw new BadParameter(`Parameter ${name} is ${quote(text)}; allowed: a whole number from 0 to ${max}.`);
  }
  return number;
}

/** @throws BadParameter */
export function choice<T>(
  name: string,
  text: string | undefined,
  choices: Record<string, T>,
  fallback: T,
): T {
  if (text === undefined || text === '') return fallback;
  if (Object.hasOwn(choices, text)) return choices[text]!;
  const allowed = Object.keys(choices).join(', ');
  throw new BadParameter(`Parameter ${name} is ${quote(text)}; allowed: ${allowed}.`);
}

const RECORDS = ['gap', 'line', 'seal'];

/** Id of an event: `<stream ns>-<position>`, with `-<record>` for all but lines. */
export const eventId = ({ stream, position, record }: Place): string =>
  record === 'line' ? `${stream}-${position}` : `${stream}-${position}-${record}`;

/** The place after the event with this id. @throws BadParameter */
export function parseEventId(text: string): Place {
  const [, stream, position, record = 'line'] = /^(\d{1,19})-(\d{1,20})(?:-([a-z]+))?$/.exec(text) ?? [];
  const known =
    stream !== undefined &&
    position !== undefined &&
    RECORDS.includes(record) &&
    // The types of the columns: ns since 1970 in an Int64, and a UInt64.
    BigInt(stream) < 2n ** 63n &&
    BigInt(position) < 2n ** 64n;
  if (!known) throw new BadParameter(`Header Last-Event-ID is ${quote(text)}, not an id of this API.`);
  return { stream, position, record };
}

const quote = (text: string): string => JSON.stringify(text.slice(0, limits.shown_chars_max));
