import { bytes, isDigit } from '../line/bytes.ts';
import type { Line } from '../line/line.ts';
import { severityOfSyslog } from './severity.ts';

const { DIGIT_0, DIGIT_1, GREATER, SPACE } = bytes;

/** Reads the level from `<3>` of the kernel or `<30>1 ` of syslog. @returns the offset after it, or -1 */
export function readPriority(b: Uint8Array, at: number, end: number, line: Line): number {
  let digits = at + 1;
  let number = 0;
  while (digits < end && digits - at < 4 && isDigit(b[digits])) number = number * 10 + b[digits++]! - DIGIT_0;
  if (digits === at + 1 || b[digits] !== GREATER || digits >= end || number > 191) return -1;
  line.severity = severityOfSyslog(number);
  digits++;
  return b[digits] === DIGIT_1 && b[digits + 1] === SPACE && digits + 1 < end ? digits + 2 : digits;
}
