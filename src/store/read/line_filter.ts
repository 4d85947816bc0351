import type { Params } from '../query.ts';

/** OpenTelemetry's severity texts, from the least to the worst. */
export const severities = ['TRACE', 'DEBUG', 'INFO', 'WARN', 'ERROR', 'FATAL'] as const;
export type Severity = (typeof severities)[number];

/** The wanted lines of a log; without a field, all lines match it. */
export interface LineFilter {
  /** Lines of any of these. */
  sources?: string[] | undefined;
  /** Lines of this severity and worse. A line with an unknown severity never matches, not even TRACE. */
  severity?: Severity | undefined;
  /** ns since 1970: timestamps from `since` on, and before `until`. */
  since?: bigint | undefined;
  until?: bigint | undefined;
  /** Lines that contain exactly this text, anywhere before the line end. */
  text?: string | undefined;
  /** Also pieces at whose end the text may begin, to go on in the next piece of their line. */
  spans?: boolean | undefined;
}

const CONTAINS = 'position(concat(prefix, message), {text: String}) > 0';
// Few rows are pieces, so few have their ends compared.
const MAY_BEGIN = `(ending = '' AND arrayExists(
  size -> endsWith(concat(prefix, message), substring({text: String}, 1, size)), range(1, length({text: String}))))`;

/** SQL: the condition on rows. Gaps and seals are not lines: only the time filters them. */
export function lineCondition({ sources, severity, since, until, text, spans }: LineFilter): string {
  const ofLines: string[] = [];
  if (sources !== undefined) ofLines.push('source IN {sources: Array(String)}');
  if (severity !== undefined) ofLines.push('severity IN {severities: Array(String)}');
  // The text may include a line's stamp and tag.
  if (text !== undefined) ofLines.push(spans ? `(${CONTAINS} OR ${MAY_BEGIN})` : CONTAINS);
  const all = ofLines.length === 0 ? ['1'] : [`(record != 'line' OR (${ofLines.join(' AND ')}))`];
  if (since !== undefined) all.push("timestamp >= fromUnixTimestamp64Nano({since: Int64}, 'UTC')");
  if (until !== undefined) all.push("timestamp < fromUnixTimestamp64Nano({until: Int64}, 'UTC')");
  return all.join(' AND ');
}

/** The same condition for a row that was read already. */
export function isWanted({ sources, severity, since, until, text }: LineFilter, row: FilteredRow): boolean {
  if (since !== undefined && row.time < timeText(since)) return false;
  if (until !== undefined && row.time >= timeText(until)) return false;
  if (row.record !== 'line') return true;
  if (sources !== undefined && !sources.includes(row.source)) return false;
  if (severity !== undefined) {
    const rank = severities.indexOf(row.severity as Severity);
    if (rank < severities.indexOf(severity)) return false;
  }
  return text === undefined || (row.prefix + row.message).includes(text);
}

interface FilteredRow {
  record: string;
  /** RFC 3339 with nine digits, which sorts in order of time. */
  time: string;
  source: string;
  severity: string;
  prefix: string;
  message: string;
}

function timeText(ns: bigint): string {
  const seconds = new Date(Number(ns / 1_000_000_000n) * 1_000).toISOString().slice(0, 19);
  return `${seconds}.${String(ns % 1_000_000_000n).padStart(9, '0')}Z`;
}

/** The values of that condition. */
export function lineParams({ sources, severity, since, until, text }: LineFilter): Params {
  return {
    ...(sources !== undefined && { sources }),
    ...(severity !== undefined && { severities: severities.slice(severities.indexOf(severity)) }),
    ...(since !== undefined && { since: String(since) }),
    ...(until !== undefined && { until: String(until) }),
    ...(text !== undefined && { text }),
  };
}
