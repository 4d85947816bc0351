import { isatty } from 'node:tty';
import pino from 'pino';
import { shortLogLine } from './log_line.ts';

const stderr = pino.destination({ fd: 2, sync: true });

/** JSON lines for machines, short ones where a person reads. */
const toStderr = isatty(2)
  ? (line: string): unknown => stderr.write(`${shortLogLine(line, !process.env.NO_COLOR)}\n`)
  : (line: string): unknown => stderr.write(line);

const destination = { write: toStderr };

/**
 * Our own log, on stderr: quiet when healthy, a line a state change, never a guest's text. Faults go through
 * faults.ts. The level is the environment's until the settings are read.
 */
export const log = pino(
  {
    level: firstLevel(process.env.AFTERLOG_LOG_LEVEL ?? ''),
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
  },
  destination,
);

/** A wrong one is named when the settings are read. */
function firstLevel(wanted: string): string {
  return wanted in pino.levels.values || wanted === 'silent' ? wanted : 'info';
}

/**
 * Sends the log, made short, to `print` instead of stderr: for a terminal that shows a live view, which it would
 * tear. The function returned undoes it.
 */
export function printLog(print: (line: string) => void): () => void {
  destination.write = (line) => print(shortLogLine(line));
  return () => {
    destination.write = toStderr;
  };
}
