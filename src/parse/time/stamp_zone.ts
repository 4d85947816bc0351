import { bytes, isDigit, isWordByte, pair } from '../line/bytes.ts';
import type { Stamp } from './stamp.ts';

const { COLON, LOWER_Z, MINUS, PLUS, SPACE, UPPER_A, UPPER_M, UPPER_P, UPPER_Z } = bytes;

/**
 * Zone names with the same offset (minutes) everywhere in the world. A zone with another name counts as UTC.
 */
export const zoneMinutes: Readonly<Record<string, number>> = {
  UTC: 0,
  GMT: 0,
  EST: -300,
  EDT: -240,
  CST: -360,
  CDT: -300,
  MST: -420,
  MDT: -360,
  PST: -480,
  PDT: -420,
  WET: 0,
  WEST: 60,
  CET: 60,
  CEST: 120,
  EET: 120,
  EEST: 180,
  MSK: 180,
  JST: 540,
};

const minutesOf = new Map<number, number>();
/** Up to four capitals as one number, so that the lookup creates no string. */
const wordNumber = (b: Uint8Array, at: number, end: number): number => {
  let number = 0;
  for (; at < end; at++) number = number * 32 + (b[at]! & 31);
  return number;
};
for (const [name, minutes] of Object.entries(zoneMinutes)) {
  minutesOf.set(wordNumber(Buffer.from(name), 0, name.length), minutes);
}

/**
 * Reads `Z`, `+02:00`, `-0530` or `+02` at `at` into `stamp.zone`.
 * @returns the offset after it; `at` if there is no zone
 */
export function numericZone(b: Uint8Array, at: number, end: number, stamp: Stamp): number {
  stamp.zone = 0;
  if (at >= end) return at;
  const sign = b[at]!;
  if (sign === UPPER_Z || sign === LOWER_Z) return at + 1;
  if ((sign !== PLUS && sign !== MINUS) || at + 3 > end) return at;
  const hours = pair(b, at + 1);
  if (hours < 0 || hours > 14) return at;
  const minutesAt = b[at + 3] === COLON ? at + 4 : at + 3;
  const minutes = minutesAt + 2 <= end ? pair(b, minutesAt) : -1;
  if (minutes >= 0 && minutes < 60 && (minutesAt + 2 >= end || !isDigit(b[minutesAt + 2]))) {
    stamp.zone = (sign === PLUS ? 1 : -1) * (hours * 3600 + minutes * 60);
    return minutesAt + 2;
  }
  if (at + 3 < end && isDigit(b[at + 3])) return at;
  stamp.zone = (sign === PLUS ? 1 : -1) * hours * 3600;
  return at + 3;
}

/** ` AM`, `PM`: the byte A or P, or 0. */
export function halfOfDay(b: Uint8Array, at: number, end: number): number {
  const letter = b[at] === SPACE ? at + 1 : at;
  if (letter + 1 >= end || b[letter + 1] !== UPPER_M || (b[letter] !== UPPER_A && b[letter] !== UPPER_P))
    return 0;
  return isWordByte(b[letter + 2]) && letter + 2 < end ? 0 : b[letter]!;
}

/** Reads a zone like `numericZone`, also ` +0000` and ` CET`. */
export function zoneAfter(b: Uint8Array, at: number, end: number, stamp: Stamp): number {
  const direct = numericZone(b, at, end, stamp);
  if (direct > at || at + 1 >= end || b[at] !== SPACE) return direct;
  const after = numericZone(b, at + 1, end, stamp);
  // ` +0000`, but not the ` -` of a field that begins with a minus.
  if (after > at + 3 && (after >= end || !isWordByte(b[after]))) return after;
  stamp.zone = 0;
  let name = at + 1;
  while (name < end && name < at + 6 && b[name]! >= UPPER_A && b[name]! <= UPPER_Z) name++;
  if (name < at + 3 || name > at + 5 || (name < end && isWordByte(b[name]))) return at;
  const minutes = minutesOf.get(wordNumber(b, at + 1, name));
  if (minutes === undefined) return at;
  stamp.zone = minutes * 60;
  return name;
}
