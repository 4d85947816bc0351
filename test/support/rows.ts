import { Readable } from 'node:stream';
import type { ClickHouseClient } from '@clickhouse/client';

/** A row of console_logs. Texts are latin1: one character is one byte. */
export interface TestRow {
  record?: 'line' | 'gap' | 'nuls' | 'seal';
  sandbox_id: string;
  log?: string;
  stream_started_at?: string;
  position: number;
  timestamp?: string;
  workspace?: string;
  source?: string;
  severity?: string;
  event?: string;
  title?: string;
  template?: string;
  host?: string;
  observed_at?: string;
  /** Position of the first line of its entry. */
  entry_position?: number;
  /** YYYY-MM-DD; default: today, because expired rows vanish. */
  ingest_day?: string;
  batch_epoch?: number;
  batch_sequence?: number;
  prefix?: string;
  message?: string;
  ending?: string;
}

/** The day at the start of the test file: midnight may pass while it runs. */
export const TODAY = new Date().toISOString().slice(0, 10);

export const FIRST_STREAM = '2026-11-20 10:00:00.000000001';
export const SECOND_STREAM = '2026-11-20 11:00:00.000000002';

const COLUMNS = `record, sandbox_id, log, stream_started_at, position, timestamp, observed_at, ingest_day, host,
  batch_epoch, batch_sequence, workspace, template, source, severity, event, title, entry_back, prefix, message, ending`;
const INPUT = COLUMNS.replaceAll(/\w+/g, '$& String').replace(
  /(position|batch_epoch|batch_sequence|entry_back) String/g,
  '$1 UInt64',
);

/**
 * Inserts rows in one INSERT. The three texts are sent as hex, because JSON cannot contain bytes that are not
 * UTF-8.
 */
export async function insertRows(client: ClickHouseClient, database: string, rows: TestRow[]): Promise<void> {
  const lines = rows.map((row) => `${JSON.stringify(complete(row))}\n`);
  const { stream } = await client.exec({
    query: `INSERT INTO ${database}.console_logs (${COLUMNS})
      SELECT ${COLUMNS.replace('prefix, message, ending', 'unhex(prefix), unhex(message), unhex(ending)')}
      FROM input('${INPUT.replaceAll('\n', ' ')}') FORMAT JSONEachRow`,
    values: Readable.from(lines, { objectMode: false }),
    clickhouse_settings: { async_insert: 0 },
  });
  for await (const _ of stream);
}

function complete(row: TestRow): Record<string, string | number> {
  const isLine = (row.record ?? 'line') === 'line';
  return {
    record: row.record ?? 'line',
    sandbox_id: row.sandbox_id,
    log: row.log ?? 'console',
    stream_started_at: row.stream_started_at ?? FIRST_STREAM,
    position: row.position,
    timestamp: row.timestamp ?? '2026-11-20 10:00:01.250000000',
    observed_at: row.observed_at ?? row.timestamp ?? '2026-11-20 10:00:01.250000000',
    ingest_day: row.ingest_day ?? TODAY,
    host: row.host ?? 'host-1',
    batch_epoch: row.batch_epoch ?? 0,
    batch_sequence: row.batch_sequence ?? 0,
    workspace: row.workspace ?? '',
    template: row.template ?? '',
    source: row.source ?? (isLine ? 'app' : ''),
    severity: row.severity ?? (isLine ? 'INFO' : ''),
    event: row.event ?? '',
    title: row.title ?? '',
    entry_back: row.position - (row.entry_position ?? row.position),
    prefix: hex(row.prefix),
    message: hex(row.message),
    ending: hex(row.ending ?? (isLine ? '\n' : '')),
  };
}

const hex = (bytes = ''): string => Buffer.from(bytes, 'latin1').toString('hex');

/** The bytes of a file as rows of one stream, from `position` on; each row ends after a newline. */
export function rowsOfFile(
  sandbox_id: string,
  bytes: Buffer,
  more: Partial<TestRow> = {},
  position = 0,
): TestRow[] {
  const rows: TestRow[] = [];
  for (const text of bytes.toString('latin1').match(/[^\n]*\n|[^\n]+$/g) ?? []) {
    const ending = /\r*\n$/.exec(text)?.[0] ?? '';
    rows.push({ sandbox_id, position, message: text.slice(0, text.length - ending.length), ending, ...more });
    position += text.length;
  }
  return rows;
}

export const gapRow = (
  sandbox_id: string,
  position: number,
  bytes: number | null,
  reason: string,
): TestRow => ({
  record: 'gap',
  sandbox_id,
  position,
  message: JSON.stringify({ bytes, reason }),
});

export const sealRow = (
  sandbox_id: string,
  position: number,
  reason: string,
  more: Partial<TestRow> = {},
): TestRow => ({
  record: 'seal',
  sandbox_id,
  position,
  message: JSON.stringify({ bytes: position, lines: 3, crc32: 7, gaps: 0, complete: true, reason }),
  ...more,
});
