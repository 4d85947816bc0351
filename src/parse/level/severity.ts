import { bytes } from '../line/bytes.ts';
import { nameId } from '../line/names.ts';

const { UPPER_C, UPPER_D, UPPER_E, UPPER_F, UPPER_I, UPPER_N, UPPER_T, UPPER_V, UPPER_W } = bytes;

/** The severity texts of OpenTelemetry, as ids of names. */
export const severity = {
  none: 0,
  trace: nameId('TRACE'),
  debug: nameId('DEBUG'),
  info: nameId('INFO'),
  warn: nameId('WARN'),
  error: nameId('ERROR'),
  fatal: nameId('FATAL'),
} as const;

/** The severity of a level of pino and bunyan (10 to 60). */
export function severityOfTens(level: number): number {
  if (level < 10 || level > 69) return 0;
  return byTen[Math.floor(level / 10) - 1]!;
}
const byTen = [severity.trace, severity.debug, severity.info, severity.warn, severity.error, severity.fatal];

/** The severity of a level of the kernel and syslog: 0 (emergency) to 7 (debug). */
export const severityOfSyslog = (level: number): number => bySyslog[level & 7]!;
const bySyslog = [
  severity.fatal,
  severity.fatal,
  severity.fatal,
  severity.error,
  severity.warn,
  severity.info,
  severity.info,
  severity.debug,
];

/** The severity of a level of one letter: glog, logcat, cups, `[I]`. */
export function severityOfLetter(letter: number): number {
  switch (letter) {
    case UPPER_V:
    case UPPER_T:
      return severity.trace;
    case UPPER_D:
      return severity.debug;
    case UPPER_I:
    case UPPER_N:
      return severity.info;
    case UPPER_W:
      return severity.warn;
    case UPPER_E:
      return severity.error;
    case UPPER_F:
    case UPPER_C:
      return severity.fatal;
    default:
      return severity.none;
  }
}
