import { byteClass, byteClasses, bytes, isDigit, startsWith } from '../line/bytes.ts';
import { isSourceByte, SOURCE_BYTES_MAX } from './source.ts';

const { COLON, LBRACKET, RBRACKET, SPACE } = bytes;
const { DIGIT } = byteClasses;

/**
 * A program that a line names: its name b[start, end), and the start of the text after it. The parser has one
 * object for all lines.
 */
export interface ProgramName {
  start: number;
  end: number;
  text: number;
}

export const newProgramName = (): ProgramName => ({ start: 0, end: 0, text: 0 });

/** Reads `sshd[812]: text` at `at` into `program`; if `isSyslog`, the process id may be missing. */
export function programAt(
  b: Uint8Array,
  at: number,
  end: number,
  isSyslog: boolean,
  program: ProgramName,
): boolean {
  let stop = at;
  while (stop < end && stop - at < SOURCE_BYTES_MAX && isSourceByte(b[stop]!)) stop++;
  if (stop === at || stop >= end || byteClass[b[at]!]! === DIGIT) return false;
  let colon = stop;
  if (b[stop] === LBRACKET) {
    colon++;
    while (colon < end && isDigit(b[colon])) colon++;
    if (colon === stop + 1 || b[colon] !== RBRACKET) return false;
    colon++;
  } else if (!isSyslog) return false;
  if (colon >= end || b[colon] !== COLON || (colon + 1 < end && b[colon + 1] !== SPACE)) return false;
  program.start = at;
  program.end = stop;
  program.text = Math.min(end, colon + 2);
  return true;
}

/**
 * Reads ` host program[pid]: text` after a syslog stamp. The host, and a field like `user.warn`, are skipped.
 */
export function syslogProgram(b: Uint8Array, at: number, end: number, program: ProgramName): boolean {
  for (let fields = 0; fields < 3; fields++) {
    while (at < end && b[at] === SPACE) at++;
    if (fields > 0 && programAt(b, at, end, true, program)) return true;
    while (at < end && b[at] !== SPACE) at++;
  }
  return false;
}

const GUEST_PREFIX = Buffer.from('pandastack-');

/** Reads `pandastack-init: …`, a program of the runtime in the guest, into `program`. */
export function guestProgram(b: Uint8Array, start: number, end: number, program: ProgramName): boolean {
  if (!startsWith(b, start, end, GUEST_PREFIX)) return false;
  const name = start + GUEST_PREFIX.length;
  let at = name;
  while (at < end && at - name < SOURCE_BYTES_MAX && isSourceByte(b[at]!)) at++;
  if (at === name || at + 1 >= end || b[at] !== COLON || b[at + 1] !== SPACE) return false;
  program.start = name;
  program.end = at;
  program.text = at + 2;
  return true;
}
