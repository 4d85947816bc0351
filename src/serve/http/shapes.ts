import { z } from 'zod';
import { goesOn, type LogRow } from '../../store/read/read_log.ts';
import { parseGap, parseSeal } from '../../store/record.ts';
import { placeId } from './place_id.ts';

/** What the API answers with; the OpenAPI document is made from these. */
export const errorShape = z
  .object({
    error: z.string().describe('A sentence for people'),
    code: z.string().describe('Stays the same; docs/reference/errors.md lists all'),
  })
  .describe('What is wrong');

const time = z.string().describe('RFC 3339, UTC');
const placed = {
  id: z.string().describe('Its place in the log: a cursor, and a Last-Event-ID'),
  stream_started_at_ns: z.string(),
  position: z.int().min(0).describe('Offset of its first byte since the stream started'),
  timestamp: time,
};

export const lineShape = z.object({
  record: z.literal('line'),
  ...placed,
  timestamp_kind: z
    .string()
    .describe('How the time was found: line, kernel_clock, time_of_day, inherited, observed'),
  source: z.string(),
  severity: z.string().describe('TRACE, DEBUG, INFO, WARN, ERROR, FATAL, or empty where it is unknown'),
  event: z.string(),
  title: z.string(),
  entry_position: z.int().min(0).describe('Position of the first line of the entry that it belongs to'),
  prefix: z.string().describe('Its stamp and tag; with message and ending the bytes of the file'),
  message: z.string(),
  goes_on: z.literal(true).optional().describe('A piece of a line that is too long for one row'),
});
export const gapShape = z.object({
  record: z.literal('gap'),
  ...placed,
  bytes: z.int().min(0).nullable().describe('null: nobody knows how many'),
  reason: z.string(),
});
export const sealShape = z.object({
  record: z.literal('seal'),
  ...placed,
  bytes: z.int().min(0),
  lines: z.int().min(0),
  crc32: z.int().min(0),
  gaps: z.int().min(0),
  complete: z.boolean(),
  reason: z.string(),
});
export const recordShape = z.discriminatedUnion('record', [lineShape, gapShape, sealShape]);
export type LogRecord = z.output<typeof recordShape>;
export type LogLine = z.output<typeof lineShape>;

/** A row as JSON. */
export function recordOf(row: LogRow): LogRecord {
  const place = {
    id: placeId(row),
    stream_started_at_ns: row.stream,
    position: Number(row.position),
    timestamp: row.time,
  };
  if (row.record === 'gap') return { record: 'gap', ...place, ...parseGap(row.message) };
  if (row.record === 'seal') return { record: 'seal', ...place, ...parseSeal(row.message) };
  return lineOf(row);
}

export function lineOf(row: LogRow): LogLine {
  const { timestamp_kind, source, severity, event, title, prefix, message } = row;
  return {
    record: 'line',
    id: placeId(row),
    stream_started_at_ns: row.stream,
    position: Number(row.position),
    timestamp: row.time,
    timestamp_kind,
    source,
    severity,
    event,
    title,
    entry_position: Number(row.entry_position),
    prefix,
    message,
    ...(goesOn(row) ? { goes_on: true } : {}),
  };
}

export const sandboxShape = z.object({
  id: z.string(),
  state: z.enum(['alive', 'deleted']),
  host: z.string(),
  workspace: z.string(),
  template: z.string(),
  first_seen: time,
  last_seen: time,
  deleted_at: time.nullable(),
  bytes: z.int().min(0).describe('Of all its logs since it was first seen'),
  gaps: z.int().min(0),
});

export const erasureShape = z.object({
  state: z.enum(['erased', 'removing']).describe('removing: ClickHouse has not rewritten all parts yet'),
  lines: z.int().min(0).describe('That were there; none where all was erased before'),
  bytes: z.int().min(0),
  alive: z.boolean().describe('The sandbox was not deleted yet: what it writes from now on is stored'),
});
