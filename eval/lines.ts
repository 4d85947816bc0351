import type { Tally } from './measures.ts';
import { referenceTime } from './reference_time.ts';
import { type EvalRow, rowsOfLines } from './rows.ts';

export interface LineCase {
  id: string;
  lines?: string[];
  line?: string;
  text?: string;
  ts_text?: string | null;
  expected_level?: string | null;
  level_text?: string | null;
  contains_timestamp?: boolean;
  label?: 'trace_start' | 'not_trace' | 'trace_continuation';
}

const stampOutcomes = ['exact', 'missed', 'wrong'];
const levelOutcomes = ['exact', 'missed', 'wrong'];

/** Single lines: the time of the stamp, whether there is a stamp, the level. */
export function measureLine(set: string, one: LineCase, recorded_ms: number, tally: Tally): void {
  const lines = one.lines ?? [one.line ?? one.text ?? ''];
  const [row] = rowsOfLines(lines, recorded_ms);
  if (row === undefined) return;
  if (one.ts_text) measureTime(set, one, row, recorded_ms, tally);
  if (one.contains_timestamp !== undefined) {
    const found = isStamped(row);
    const outcome = found === one.contains_timestamp ? 'right' : found ? 'invented' : 'missed';
    tally.add(set, 'holds a stamp', outcome, ['right', 'missed', 'invented'], row.text);
  }
  const stated = one.expected_level ?? undefined;
  if (stated !== undefined) measureLevel(set, 'level, stated', severityOf(stated), row, tally);
  else if (one.level_text && severityOf(one.level_text) !== undefined) {
    measureLevel(set, 'level, by its word', severityOf(one.level_text), row, tally);
  }
}

const isStamped = (row: EvalRow): boolean =>
  row.timestamp_kind !== 'observed' && row.timestamp_kind !== 'inherited';

function measureTime(set: string, one: LineCase, row: EvalRow, recorded_ms: number, tally: Tally): void {
  const expected = referenceTime(one.ts_text!, recorded_ms);
  if (expected === null) return;
  const isSame = Math.abs(row.time_ms - expected) < 0.002;
  const outcome = isStamped(row) ? (isSame ? 'exact' : 'wrong') : 'missed';
  const got = isStamped(row) ? new Date(row.time_ms).toISOString() : row.timestamp_kind;
  tally.add(set, 'timestamp', outcome, stampOutcomes, `${one.ts_text} → ${got} in ${row.text.slice(0, 120)}`);
}

function measureLevel(
  set: string,
  what: string,
  expected: string | undefined,
  row: EvalRow,
  tally: Tally,
): void {
  const outcome = row.severity === expected ? 'exact' : row.severity === '' ? 'missed' : 'wrong';
  tally.add(set, what, outcome, levelOutcomes, `${expected} → ${row.severity} in ${row.text.slice(0, 120)}`);
}

const severities: [RegExp, string][] = [
  [/^unknown$/, ''],
  [/^(t|trace|verbose|finest|finer)$/, 'TRACE'],
  [/^(d|dbg|debug\d?|db|fine)$/, 'DEBUG'],
  [/^(i|inf|info|information|notice|note|in|log|stats|no)$/, 'INFO'],
  [/^(w|wrn|warn|warning|wa|#)$/, 'WARN'],
  [/^(e|err|error|er|severe)$/, 'ERROR'],
  [/^(f|ftl|fatal|crit|critical|alert|emerg|emergency|panic)$/, 'FATAL'],
];

/** The severity text of OpenTelemetry for a level of another project; undefined if it is no level. */
function severityOf(level: string): string | undefined {
  const word = level.toLowerCase().replace(/\(\d+\)$/, '');
  return severities.find(([pattern]) => pattern.test(word))?.[1];
}
