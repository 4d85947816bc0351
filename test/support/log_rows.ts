import type { LogRow } from '../../src/store/read/read_log.ts';

/** A row as a query returns it: a line of `app` at position 0. */
export const logRow = (message: string, more: Partial<LogRow> = {}): LogRow => ({
  record: 'line',
  stream: '1795465704913252313',
  position: '0',
  time: '2026-11-23T20:28:51.123456789Z',
  timestamp_kind: 'line',
  source: 'app',
  severity: '',
  event: '',
  title: '',
  entry_position: '0',
  prefix: '',
  message,
  ending: '\n',
  bytes: message.length + 1,
  ...more,
});
