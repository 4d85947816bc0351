import pino from 'pino';
import { AfterlogError } from './errors.ts';

const LEVELS = [...Object.keys(pino.levels.values), 'silent'];
const wanted = process.env.AFTERLOG_LOG_LEVEL || 'info';

/**
 * Our own log: to stderr, quiet when healthy, a line a state change, never a guest's text.
 * AFTERLOG_LOG_LEVEL is the one setting that must work before settings are read.
 */
export const log = pino(
  {
    level: LEVELS.includes(wanted) ? wanted : 'info',
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
  },
  pino.destination({ fd: 2, sync: true }),
);

/** @throws AfterlogError SETTING_INVALID; not at import, where nobody could explain it */
export function requireLogLevel(): void {
  if (LEVELS.includes(wanted)) return;
  const found = JSON.stringify(wanted);
  throw new AfterlogError(
    'SETTING_INVALID',
    `Setting AFTERLOG_LOG_LEVEL is ${found}; allowed: ${LEVELS.join(', ')}.`,
  );
}
