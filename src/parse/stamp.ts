/**
 * Timestamps at the start of a line, read from bytes. Each reader returns the offset after the stamp, or -1, and
 * leaves what it read in `stamp`: one object for the process, as the hot path makes none per line.
 */
export const stamp = {
  /** Seconds since 1970 UTC; since boot for `kernelClock`; of the day for `timeOfDay`. */
  seconds: 0,
  nanos: 0,
};

const digit = (byte: number | undefined): boolean => byte !== undefined && byte >= 48 && byte <= 57;
const pair = (b: Uint8Array, at: number): number =>
  digit(b[at]) && digit(b[at + 1]) ? (b[at]! - 48) * 10 + b[at + 1]! - 48 : -1;

/** Days since 1970 of a date of the Gregorian calendar, -1 if there is no such date. */
export function daysFromDate(year: number, month: number, day: number): number {
  if (month < 1 || month > 12 || day < 1 || day > daysInMonth(year, month)) return -1;
  // Counted from 1 March, so that the leap day is a year's last (H. Hinnant's civil calendar).
  const y = month <= 2 ? year - 1 : year;
  const era = Math.floor(y / 400);
  const ofEra = y - era * 400;
  const ofYear = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1;
  return era * 146_097 + ofEra * 365 + Math.floor(ofEra / 4) - Math.floor(ofEra / 100) + ofYear - 719_468;
}

function daysInMonth(year: number, month: number): number {
  if (month === 2) return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28;
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
}

/** `.123456` or `,123`: any number of digits, those after the ninth are dropped. Sets `stamp.nanos`. */
function fraction(b: Uint8Array, at: number, end: number): number {
  stamp.nanos = 0;
  if (at + 1 >= end || (b[at] !== 46 && b[at] !== 44) || !digit(b[at + 1])) return at;
  let scale = 100_000_000;
  for (at++; at < end && digit(b[at]); at++) {
    stamp.nanos += (b[at]! - 48) * scale;
    scale = Math.floor(scale / 10);
  }
  return at;
}

/** `HH:MM:SS` at `at`: seconds of the day, or -1. A leap second counts as the second after. */
function clock(b: Uint8Array, at: number): number {
  if (b[at + 2] !== 58 || b[at + 5] !== 58) return -1;
  const hours = pair(b, at);
  const minutes = pair(b, at + 3);
  const seconds = pair(b, at + 6);
  if (hours < 0 || hours > 23 || minutes < 0 || minutes > 59 || seconds < 0 || seconds > 60) return -1;
  return hours * 3600 + minutes * 60 + seconds;
}

/** `2026-06-01T15:30:18.123Z`, also with a space for the T, an offset for the Z, or none (then UTC). */
export function rfc3339(b: Uint8Array, at: number, end: number): number {
  if (at + 19 > end || b[at + 4] !== 45 || b[at + 7] !== 45) return -1;
  if (b[at + 10] !== 84 && b[at + 10] !== 32) return -1;
  const century = pair(b, at);
  const year = pair(b, at + 2);
  if (century < 0 || year < 0) return -1;
  const days = daysFromDate(century * 100 + year, pair(b, at + 5), pair(b, at + 8));
  const ofDay = clock(b, at + 11);
  if (days < 0 || ofDay < 0) return -1;
  let seconds = days * 86_400 + ofDay;
  at = fraction(b, at + 19, end);
  if (at < end && (b[at] === 90 || b[at] === 122)) at++;
  else if (at + 5 <= end && (b[at] === 43 || b[at] === 45)) {
    const hours = pair(b, at + 1);
    const minutesAt = b[at + 3] === 58 ? at + 4 : at + 3;
    const minutes = pair(b, minutesAt);
    if (hours >= 0 && minutes >= 0 && minutesAt + 2 <= end) {
      seconds -= (b[at] === 43 ? 1 : -1) * (hours * 3600 + minutes * 60);
      at = minutesAt + 2;
    }
  }
  if (seconds < 0) return -1;
  stamp.seconds = seconds;
  return at;
}

/** `[    0.123456]`: seconds since boot as printk pads them; nine digits are 31 years. */
export function kernelClock(b: Uint8Array, at: number, end: number): number {
  if (b[at] !== 91) return -1;
  at++;
  while (at < end && b[at] === 32) at++;
  let seconds = 0;
  const first = at;
  for (; at < end && digit(b[at]) && at - first < 9; at++) seconds = seconds * 10 + b[at]! - 48;
  if (at === first || b[at] !== 46) return -1;
  const dot = at;
  at = fraction(b, at, end);
  if (at !== dot + 7 || at >= end || b[at] !== 93) return -1;
  stamp.seconds = seconds;
  return at + 1;
}

/** `[12:04:31]` */
export function timeOfDay(b: Uint8Array, at: number, end: number): number {
  if (at + 10 > end || b[at] !== 91 || b[at + 9] !== 93) return -1;
  const seconds = clock(b, at + 1);
  if (seconds < 0) return -1;
  stamp.seconds = seconds;
  stamp.nanos = 0;
  return at + 10;
}
