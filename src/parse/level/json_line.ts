import { bytes, isDigit } from '../line/bytes.ts';
import { epochNumber, findStamp } from '../time/find_stamp.ts';
import type { Stamp } from '../time/stamp.ts';
import { readRfc3339 } from '../time/stamp_fixed.ts';
import { severityOfWord } from './level_words.ts';
import { severityOfTens } from './severity.ts';

const { BACKSLASH, COLON, COMMA, DIGIT_0, LBRACE, LBRACKET, QUOTE, RBRACE, RBRACKET, SPACE, TAB } = bytes;

/** What the fields of a JSON line contain. The parser has one object for all lines. */
export interface JsonFields {
  /** The time was read into the stamp. */
  hasTime: boolean;
  severity: number;
  /** Offsets of the value that names the source; 0, 0 if there is none. */
  source_start: number;
  source_end: number;
}

export const newJsonFields = (): JsonFields => ({
  hasTime: false,
  severity: 0,
  source_start: 0,
  source_end: 0,
});

/** The names of the fields that are read. Other fields are skipped. */
export const jsonKeys = {
  time: [
    'time',
    'timestamp',
    'ts',
    '@timestamp',
    'datetime',
    'date',
    'eventTime',
    'event_time',
    't',
    'timestamp_ns',
    'timeMillis',
    'asctime',
    '@t',
  ],
  severity: [
    'level',
    'severity',
    'lvl',
    'loglevel',
    'log_level',
    'log.level',
    'levelname',
    'severity_text',
    'severityText',
    'level_name',
    '@l',
    'priority',
  ],
  source: [
    'source',
    'service',
    'svc',
    'app',
    'application',
    'logger',
    'component',
    'program',
    'unit',
    'name',
    'SYSLOG_IDENTIFIER',
    'service.name',
    'logger_name',
  ],
} as const;

const TIME = 1;
const SEVERITY = 2;
const SOURCE = 3;
const SLOTS = 256;
const keyAt: ({ bytes: Buffer; what: number } | undefined)[] = new Array(SLOTS).fill(undefined);
const slotOf = (b: Uint8Array, at: number, length: number): number =>
  (b[at]! * 13 + b[at + length - 1]! * 5 + length * 29) % SLOTS;
for (const [what, names] of [
  [TIME, jsonKeys.time],
  [SEVERITY, jsonKeys.severity],
  [SOURCE, jsonKeys.source],
] as const) {
  for (const name of names) {
    const bytes = Buffer.from(name);
    let slot = slotOf(bytes, 0, bytes.length);
    while (keyAt[slot]) slot = (slot + 1) % SLOTS;
    keyAt[slot] = { bytes, what };
  }
}

function keyOf(b: Uint8Array, at: number, end: number): number {
  const length = end - at;
  if (length === 0 || length > 17) return 0;
  for (let slot = slotOf(b, at, length); ; slot = (slot + 1) % SLOTS) {
    const key = keyAt[slot];
    if (key === undefined) return 0;
    if (key.bytes.length !== length) continue;
    let same = 0;
    while (same < length && key.bytes[same] === b[at + same]) same++;
    if (same === length) return key.what;
  }
}

/** After time and level are known, so many more fields are read: the source is mostly near them. */
const FIELDS_MORE = 3;

/**
 * Reads the top-level fields of the object that begins at b[start] (a `{`) into `json`, and its time into
 * `stamp`. Stops at the first byte that is not JSON.
 */
export function readJson(b: Uint8Array, start: number, end: number, json: JsonFields, stamp: Stamp): void {
  json.hasTime = false;
  json.severity = 0;
  json.source_start = 0;
  json.source_end = 0;
  let more = FIELDS_MORE;
  for (let at = start + 1; at < end; ) {
    at = skipBlanks(b, at, end);
    if (b[at] !== QUOTE || at >= end) return;
    const key = at + 1;
    at = skipString(b, at, end);
    const what = keyOf(b, key, at - 1);
    at = skipBlanks(b, at, end);
    if (b[at] !== COLON) return;
    at = skipBlanks(b, at + 1, end);
    const value = at;
    at = skipValue(b, at, end);
    if (what !== 0) take(b, what, value, at, json, stamp);
    at = skipBlanks(b, at, end);
    if (b[at] !== COMMA) return;
    at++;
    if (json.hasTime && json.severity !== 0 && (json.source_end !== 0 || more-- === 0)) return;
  }
}

function take(b: Uint8Array, what: number, value: number, end: number, json: JsonFields, stamp: Stamp): void {
  const isText = b[value] === QUOTE;
  const start = isText ? value + 1 : value;
  const stop = isText ? end - 1 : end;
  if (stop <= start) return;
  if (what === TIME) {
    if (json.hasTime) return;
    if (isText) json.hasTime = readRfc3339(b, start, stop, stamp) > 0 || findStamp(b, start, stop, stamp);
    else if (isDigit(b[start])) json.hasTime = epochNumber(b, start, stop, stamp);
    if (!json.hasTime && isText && isDigit(b[start])) json.hasTime = epochNumber(b, start, stop, stamp);
  } else if (what === SEVERITY) {
    if (json.severity !== 0) return;
    json.severity = isText ? severityOfWord(b, start, stop) : severityOfTens(numberAt(b, start, stop));
  } else if (json.source_end === 0 && isText) {
    json.source_start = start;
    json.source_end = stop;
  }
}

function numberAt(b: Uint8Array, at: number, end: number): number {
  let number = 0;
  while (at < end && isDigit(b[at]) && number < 100) number = number * 10 + b[at++]! - DIGIT_0;
  return number;
}

function skipBlanks(b: Uint8Array, at: number, end: number): number {
  while (at < end && (b[at] === SPACE || b[at] === TAB)) at++;
  return at;
}

/** The offset after the string that begins at `at`; `end` if it does not end. */
function skipString(b: Uint8Array, at: number, end: number): number {
  for (at++; at < end; at++) {
    const byte = b[at]!;
    if (byte === QUOTE) return at + 1;
    if (byte === BACKSLASH) at++;
  }
  return end;
}

/**
 * The offset after the value at `at`: a string, a whole object or array, or the bytes up to the next comma.
 */
function skipValue(b: Uint8Array, at: number, end: number): number {
  const first = b[at];
  if (first === QUOTE) return skipString(b, at, end);
  if (first === LBRACE || first === LBRACKET) {
    let depth = 0;
    while (at < end) {
      const byte = b[at]!;
      if (byte === QUOTE) {
        at = skipString(b, at, end);
        continue;
      }
      if (byte === LBRACE || byte === LBRACKET) depth++;
      else if ((byte === RBRACE || byte === RBRACKET) && --depth === 0) return at + 1;
      at++;
    }
    return end;
  }
  while (at < end && b[at] !== COMMA && b[at] !== RBRACE) at++;
  return at;
}
