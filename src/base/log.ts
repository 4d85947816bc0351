import { isatty } from 'node:tty';
import pino from 'pino';
import { shortLogLine } from './log_line.ts';
import { escapedJson } from './text.ts';

const stderr = pino.destination({ fd: 2, sync: true });
// A closed terminal must not end a role that has to end in order.
stderr.on('error', () => {});

/** JSON lines for machines; short lines on a terminal. */
const toStderr = isatty(2)
  ? (line: string): unknown => stderr.write(`${shortLogLine(line, !process.env.NO_COLOR)}\n`)
  : (line: string): unknown => stderr.write(escapedJson(line));

const destination = { write: toStderr };

/**
 * Our own log, on stderr: quiet while all is well, one line for each change of state, never a guest's text.
 * Faults go through faults.ts. Until the settings are read, the level comes from the environment.
 */
export const log = pino(
  {
    level: firstLevel(process.env.AFTERLOG_LOG_LEVEL ?? ''),
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
  },
  destination,
);

/** Writes a line of JSON that is not subject to the level. */
export const writeLine = (line: string): unknown => destination.write(`${line}\n`);

/** The settings report a wrong level when they are read. */
function firstLevel(wanted: string): string {
  return wanted in pino.levels.values || wanted === 'silent' ? wanted : 'info';
}

/**
 * Sends short log lines to `print` instead of stderr, for a terminal with a live view that they would break.
 * The function returned undoes it.
 */
export function printLog(print: (line: string) => void): () => void {
  destination.write = (line) => print(shortLogLine(line));
  return () => {
    destination.write = toStderr;
  };
}
