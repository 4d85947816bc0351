import { AfterlogError } from '../../base/errors.ts';
import { limits } from '../../base/limits.ts';
import { harmless } from '../../base/text.ts';
import type { Settings } from '../../config/settings.ts';
import { openStore, type Store } from '../../store/query.ts';
import { findTail } from '../../store/read/find_tail.ts';
import { type FollowStep, followLog } from '../../store/read/follow_log.ts';
import type { LineFilter, Severity } from '../../store/read/line_filter.ts';
import { rawOf, readRaw } from '../../store/read/raw_log.ts';
import {
  isBeyond,
  type LogId,
  type LogPlace,
  type LogRow,
  lastRow,
  readRows,
  sourcesAndSeverities,
} from '../../store/read/read_log.ts';
import { getSandbox, sandboxExists } from '../../store/read/sandboxes.ts';
import { LineJoiner, type ShownLine } from '../../store/read/whole_lines.ts';
import { parseGap, parseNuls, parseSeal } from '../../store/record.ts';
import { type Color, createLogText, lastSeen } from '../log_text.ts';
import { jsonLine, print } from '../output.ts';

export interface LogsFlags {
  log: string;
  tail?: number;
  follow?: boolean;
  source?: string[];
  severity?: Severity;
  /** ns since 1970. */
  since?: bigint;
  until?: bigint;
  raw?: boolean;
  json?: boolean;
  color: Color;
}

/**
 * `afterlog logs ID`. @throws AfterlogError USAGE, SANDBOX_UNKNOWN, and the errors of reading
 */
export async function logs(settings: Settings, sandbox_id: string, options: LogsFlags): Promise<void> {
  const { since, until } = options;
  if (since !== undefined && until !== undefined && since >= until) {
    throw new AfterlogError('USAGE', 'Option --until must be later than --since.');
  }
  const store = openStore(settings);
  try {
    const id = { sandbox_id, log: options.log, workspace: null };
    if (!(await sandboxExists(store, sandbox_id, null))) {
      throw new AfterlogError('SANDBOX_UNKNOWN', `There are no logs of sandbox '${harmless(sandbox_id)}'.`);
    }
    await printLog(store, id, options);
  } finally {
    await store.client.close();
  }
}

async function printLog(store: Store, id: LogId, options: LogsFlags): Promise<void> {
  const { source: sources, severity, since, until, raw, follow } = options;
  const filter: LineFilter = { sources, severity, since, until };
  // A start time or --raw selects all lines, not only the last ones.
  const isWhole = options.tail === undefined && (raw || since !== undefined);
  const count = options.tail ?? limits.read.tail_lines_default;
  const tail = await findTail(store, id, isWhole ? 0 : count, filter);
  const last = await lastRow(store, id);
  if (last === null && !(await isAwaited(store, id, follow))) return;
  // With --tail 0, not even the gaps before the last line.
  const from = count === 0 ? last : (tail?.after ?? null);
  const after = isWhole ? null : from;
  if (after !== null && options.tail === undefined) {
    console.error(`Showing the last ${count} lines; use --tail for more, or --raw for the whole file.`);
  }
  if (follow) endAtSignals();
  else if (tail === null) await sayWhatThereIs(store, id, filter);

  if (raw && !follow) {
    const until = tail?.until ?? last!;
    for await (const piece of readRaw(store, id, after, until, filter)) await print(piece);
    return;
  }
  const steps = follow
    ? followLog(store, id, { after, filter, raw, signal: never, onTrouble: sayTrouble })
    : readTo(store, id, after, last!, filter);
  const render = createRender(options);
  for await (const { rows } of steps) {
    if (!raw) await print(render(rows));
    else for (const piece of rawOf(rows)) await print(piece);
  }
}

/** Never aborts: a signal ends the process. */
const never = new AbortController().signal;

/** Reads the matching rows after a place, up to the row `last`. The last step has no rows. */
async function* readTo(
  store: Store,
  id: LogId,
  after: LogPlace | null,
  last: LogPlace,
  filter: LineFilter,
): AsyncGenerator<Pick<FollowStep, 'rows'>> {
  for (let at = after; ; ) {
    const rows = (await readRows(store, id, at, filter)).filter((row) => !isBeyond(row, last));
    yield { rows };
    if (rows.length === 0) return;
    at = rows.at(-1)!;
  }
}

/**
 * Makes a function that formats the rows of a step. A step without rows prints a line that has no end yet;
 * for a follower, its rest comes behind it on the same line.
 */
function createRender({ json, color, follow }: LogsFlags): (rows: LogRow[]) => string {
  const joiner = new LineJoiner();
  const linesOf = (rows: LogRow[]): ShownLine[] => (rows.length > 0 ? joiner.take(rows) : joiner.flush());
  if (json)
    return (rows) =>
      linesOf(rows)
        .map((line) => jsonLine(jsonOf(line)))
        .join('');
  const textOf = createLogText(color);
  if (!follow)
    return (rows) =>
      linesOf(rows)
        .map((line) => `${textOf(line)}\n`)
        .join('');
  let isOpen = false;
  const shown = (line: ShownLine): string => {
    const isRest = isOpen && line.went_on;
    const before = isOpen && !isRest ? '\n' : '';
    isOpen = line.goes_on;
    const text = isRest ? lastSeen(line.message) : textOf({ ...line, went_on: false, goes_on: false });
    return `${before}${text}${isOpen ? '' : '\n'}`;
  };
  return (rows) => linesOf(rows).map(shown).join('');
}

export function jsonOf(line: ShownLine): object {
  const place = {
    record: line.record,
    stream_started_at_ns: line.stream,
    position: Number(line.position),
    timestamp: line.time,
  };
  if (line.record === 'gap') return { ...place, ...parseGap(line.message) };
  if (line.record === 'nuls') return { ...place, ...parseNuls(line.message) };
  if (line.record === 'seal') return { ...place, ...parseSeal(line.message) };
  const { timestamp_kind, source, severity, event, title, message } = line;
  const entry_position = Number(line.entry_position);
  const shown = { ...place, timestamp_kind, source, severity, event, title, entry_position, message };
  return line.goes_on ? { ...shown, goes_on: true } : shown;
}

/** For a log without rows: prints a message. @returns whether to wait for the first row */
async function isAwaited(store: Store, id: LogId, follow = false): Promise<boolean> {
  const text = `Sandbox '${harmless(id.sandbox_id)}' has no ${id.log} log`;
  const isAlive = follow && (await getSandbox(store, id.sandbox_id, null))?.state !== 'deleted';
  console.error(isAlive ? `${text} yet; waiting for its first line.` : `${text}.`);
  return isAlive;
}

/** No line matches: prints the sources and severities of the log, because a name is easily mistyped. */
async function sayWhatThereIs(store: Store, id: LogId, filter: LineFilter): Promise<void> {
  if (Object.values(filter).every((value) => value === undefined)) return;
  const { sources, severities } = await sourcesAndSeverities(store, id);
  const list = (names: string[]): string => names.map((name) => harmless(name) || 'unknown').join(', ');
  const there = [
    ...(filter.sources ? [`sources: ${list(sources)}`] : []),
    ...(filter.severity ? [`severities: ${list(severities)}`] : []),
  ];
  console.error(`No line matches${there.length > 0 ? `; this log has ${there.join('; ')}` : ''}.`);
}

export function sayTrouble(trouble: AfterlogError | null): void {
  console.error(
    trouble === null ? 'ClickHouse answers again.' : `${trouble.message} Retrying. [${trouble.code}]`,
  );
}

/**
 * Exits with the usual code of the signal, also as process 1, for which the default action is to ignore it.
 */
function endAtSignals(): void {
  process.once('SIGINT', () => process.exit(130));
  process.once('SIGTERM', () => process.exit(143));
}
