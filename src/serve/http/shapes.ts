import { z } from 'zod';
import { outcomes } from '../../store/read/boots.ts';
import { goesOn, type LogRow } from '../../store/read/read_log.ts';
import type { WholeLine } from '../../store/read/whole_lines.ts';
import { parseGap, parseNuls, parseSeal } from '../../store/record.ts';
import { placeId } from './place_id.ts';

/**
 * The answers of the API. The OpenAPI document is made from these; client/types.ts has the same shapes, which
 * test/client/types.test.ts checks.
 */
export const errorShape = z
  .object({
    error: z.string().describe('A sentence for people'),
    code: z.string().describe('Stays the same; docs/reference/errors.md lists all'),
  })
  .describe('The error');

const time = z.string().describe('RFC 3339, UTC');
const placed = {
  id: z.string().describe('Its place in the log: a cursor, and a Last-Event-ID'),
  stream_started_at_ns: z.string().describe('Life of the log that it belongs to: ns since 1970'),
  position: z.int().min(0).describe('Offset of its first byte since the stream started'),
  timestamp: time,
};

export const lineShape = z.object({
  record: z.literal('line'),
  ...placed,
  timestamp_kind: z
    .string()
    .describe('How the time was found: line, kernel_clock, time_of_day, inherited, observed'),
  source: z.string().describe('The program or part that wrote the line'),
  severity: z.string().describe('TRACE, DEBUG, INFO, WARN, ERROR, FATAL, or empty where it is unknown'),
  event: z.string().describe('The event that the line marks, such as a boot or a crash; mostly empty'),
  title: z.string().describe('Title of the event; mostly empty'),
  entry_position: z.int().min(0).describe('Position of the first line of the entry that it belongs to'),
  prefix: z.string().describe('Its stamp and tag; with message and ending the bytes of the file'),
  message: z.string().describe('Its text'),
  goes_on: z
    .literal(true)
    .optional()
    .describe('The line has no end here: its rest, if there is one, is the next record'),
});
export const gapShape = z.object({
  record: z.literal('gap'),
  ...placed,
  bytes: z.int().min(0).nullable().describe('null: nobody knows how many'),
  reason: z.string().describe('Why the bytes are missing'),
});
export const nulsShape = z.object({
  record: z.literal('nuls'),
  ...placed,
  bytes: z.int().min(0).describe('So many NUL bytes, too many to be a part of a line'),
});
export const sealShape = z.object({
  record: z.literal('seal'),
  ...placed,
  bytes: z.int().min(0).describe('Length of the whole log'),
  lines: z.int().min(0).describe('Lines of the whole log'),
  crc32: z.int().min(0).describe('CRC-32 of the whole log'),
  gaps: z.int().min(0).describe('Gaps in the log'),
  complete: z.boolean().describe('No byte is missing'),
  reason: z.string().describe('Why the log ended'),
});
export const recordShape = z.discriminatedUnion('record', [lineShape, gapShape, nulsShape, sealShape]);
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
  if (row.record === 'nuls') return { record: 'nuls', ...place, ...parseNuls(row.message) };
  if (row.record === 'seal') return { record: 'seal', ...place, ...parseSeal(row.message) };
  return lineOf(row);
}

/** A line that was joined of its rows. Its id is the place of the last one: the next line is behind it. */
export function wholeOf(line: WholeLine): LogRecord {
  const { goes_on: _, ...record } = recordOf(line) as LogLine;
  if (line.record !== 'line') return recordOf(line);
  return { ...record, id: placeId(line.until), ...(line.goes_on ? { goes_on: true } : {}) };
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
  bytes: z.int().min(0).describe('Bytes of all logs of the sandbox since it was first seen'),
  gaps: z.int().min(0),
});

export const erasureShape = z.object({
  state: z.enum(['erased', 'removing']).describe('removing: ClickHouse has not rewritten all parts yet'),
  lines: z.int().min(0).describe('That were there; none where all was erased before'),
  bytes: z.int().min(0),
  alive: z.boolean().describe('The sandbox was not deleted yet: what it writes from now on is stored'),
});

const next = z.string().nullable().describe('The cursor of the next answer; null at the end');
export const sandboxesAnswer = z.object({ sandboxes: z.array(sandboxShape), next });

const started = {
  workspace: z.string(),
  template: z.string(),
  host: z.string(),
  stream: z.string().describe('stream_started_at of the console, ns since 1970'),
  position: z.string().describe('Offset of the first byte in that stream'),
};
export const bootShape = z.object({
  sandbox_id: z.string(),
  started_at: time,
  ready_at: time.nullable(),
  ready_seconds: z.number().nullable(),
  outcome: z.enum(outcomes),
  title: z.string().describe('Why it is not ready; empty for one that is, or may be yet'),
  ...started,
});
export const bootSummaryShape = z.object({
  outcomes: z.partialRecord(z.enum(outcomes), z.int().min(0)),
  ready_p50: z.number().nullable(),
  ready_p99: z.number().nullable(),
});
export const bootsAnswer = z.object({ boots: z.array(bootShape), summary: bootSummaryShape, next });

export const crashShape = z.object({
  title: z.string(),
  event: z.string(),
  sandbox_id: z.string(),
  first_seen: time,
  last_seen: time,
  occurrences: z.int().min(0),
  log: z.string(),
  ...started,
});
export const crashesAnswer = z.object({ crashes: z.array(crashShape), next });
export const causeShape = z.object({
  title: z.string(),
  event: z.string(),
  crashes: z.int().min(0),
  sandboxes: z.int().min(0),
  first_seen: time,
  last_seen: time,
  first_ever: time.describe('As far back as marks are kept'),
  is_new: z.boolean().describe('It was never seen before since'),
  last_sandbox: z.string(),
  templates: z.array(z.string()),
  hosts: z.array(z.string()),
});
export const causesAnswer = z.object({ causes: z.array(causeShape) });

export const matchShape = z.object({
  sandbox_id: z.string(),
  log: z.string(),
  host: z.string(),
  workspace: z.string(),
  template: z.string(),
  line: lineShape,
  before: z.array(recordShape),
  after: z.array(recordShape),
});
export const searchAnswer = z.object({ matches: z.array(matchShape), next });

export const bucketShape = z.object({
  from: time,
  counts: z.record(z.string(), z.int().min(0)),
});
export const histogramAnswer = z.object({ buckets: z.array(bucketShape) });
