import pino from 'pino';

/**
 * Our own log: to stderr, quiet when healthy, a line a state change, never a guest's text.
 * AFTERLOG_LOG_LEVEL is the one setting that must work before settings are read.
 */
export const log = pino(
  {
    level: process.env.AFTERLOG_LOG_LEVEL ?? 'info',
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
  },
  pino.destination({ fd: 2, sync: true }),
);
