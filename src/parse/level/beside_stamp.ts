import { byteClass, byteClasses, bytes } from '../line/bytes.ts';
import { forms, type Stamp } from '../time/stamp.ts';
import { severity, severityOfLetter } from './severity.ts';

const { DIGIT_0, DOT, HASH, MINUS, QUOTE, RBRACKET, SLASH, SPACE, STAR } = bytes;
const { DIGIT, UPPER } = byteClasses;

/** The level that some formats have next to the stamp: a letter, a sign or a status. 0 if there is none. */
export function severityBesideStamp(b: Uint8Array, end: number, stamp: Stamp): number {
  if (stamp.form === forms.plain) return 0;
  if (stamp.form === forms.access) return ofAccess(b, stamp.end, end);
  if (stamp.form === forms.glog) return severityOfLetter(b[stamp.start]!);
  if (stamp.form === forms.logcat) return ofLogcat(b, Math.min(stamp.end, end), end);
  return ofRedis(b, stamp.end, end);
}

/** The level of Redis: one sign directly after the stamp (` # `). */
function ofRedis(b: Uint8Array, at: number, end: number): number {
  switch (at + 2 < end && b[at] === SPACE && b[at + 2] === SPACE ? b[at + 1] : 0) {
    case DOT:
    case MINUS:
      return severity.debug;
    case STAR:
      return severity.info;
    case HASH:
      return severity.warn;
    default:
      return severity.none;
  }
}

/** The level of logcat: one letter after process and thread (` 1215 W `). */
function ofLogcat(b: Uint8Array, at: number, end: number): number {
  const last = Math.min(end - 2, at + 48);
  for (; at < last; at++) {
    if (b[at] === SPACE && (b[at + 2] === SPACE || b[at + 2] === SLASH) && byteClass[b[at + 1]!] === UPPER) {
      return severityOfLetter(b[at + 1]!);
    }
  }
  return severity.none;
}

/**
 * The level of an access log: the status after the stamp and the quoted request. 5xx is an error, 4xx a
 * warning.
 */
function ofAccess(b: Uint8Array, at: number, end: number): number {
  if (b[at] !== RBRACKET || b[at + 2] !== QUOTE || at + 2 >= end) return severity.none;
  for (at += 3; at + 5 < end && b[at] !== QUOTE; at++);
  if (at + 5 >= end || b[at + 1] !== SPACE || b[at + 5] !== SPACE) return severity.none;
  if (byteClass[b[at + 3]!] !== DIGIT || byteClass[b[at + 4]!] !== DIGIT) return severity.none;
  const hundreds = b[at + 2]! - DIGIT_0;
  if (hundreds < 1 || hundreds > 5) return severity.none;
  return hundreds === 5 ? severity.error : hundreds === 4 ? severity.warn : severity.info;
}
