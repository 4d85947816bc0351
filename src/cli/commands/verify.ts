import { AfterlogError } from '../../base/errors.ts';
import { limits } from '../../base/limits.ts';
import { harmless } from '../../base/text.ts';
import type { Settings } from '../../config/settings.ts';
import { type Report, verify as verifyStreams } from '../../store/care/verify.ts';
import type { VerifyScope } from '../../store/care/verify_rows.ts';
import { type Explained, hex } from '../../store/care/verify_stream.ts';
import { openStore, type Store } from '../../store/query.ts';
import { sandboxExists } from '../../store/read/sandboxes.ts';
import { isErased } from '../../store/record.ts';
import { shortTime, timeOf } from '../format.ts';
import { jsonLine, print } from '../output.ts';

export interface VerifyOptions {
  /** ns since 1970. */
  since?: bigint;
  json?: boolean;
}

/**
 * `afterlog verify [ID]`: recomputes streams from their rows. With an id it prints every stream of the
 * sandbox, else only streams with gaps or with missing or wrong bytes.
 * @returns the exit code: 1 if anything is wrong
 * @throws AfterlogError SANDBOX_UNKNOWN
 */
export async function verify(
  settings: Settings,
  id: string | undefined,
  options: VerifyOptions,
): Promise<number> {
  const store = openStore(settings);
  try {
    if (id !== undefined && !(await sandboxExists(store, id, null))) {
      throw new AfterlogError('SANDBOX_UNKNOWN', `No sandbox '${harmless(id)}' was ever seen.`);
    }
    const scope: VerifyScope = {
      ...(id === undefined ? {} : { sandbox_id: id }),
      ...(options.since === undefined ? {} : { since: options.since }),
    };
    return await run(store, scope, options.json === true);
  } finally {
    await store.client.close();
  }
}

type Verdict = Report['verdict'];

async function run(store: Store, scope: VerifyScope, json: boolean): Promise<number> {
  const counts: Record<Verdict, number> = {
    complete: 0,
    open: 0,
    incomplete: 0,
    erased: 0,
    wrong: 0,
    expired: 0,
  };
  let [streams, rows] = [0, 0];
  let shown_ms = performance.now();
  for await (const report of verifyStreams(store, scope)) {
    const isStream = report.sandbox_id !== '';
    if (isStream) {
      counts[report.verdict]++;
      streams++;
    }
    rows += report.rows;
    if (json) await print(jsonLine(jsonOf(report)));
    else if (scope.sandbox_id !== undefined || !isUneventful(report)) await print(textOf(report));
    if (performance.now() - shown_ms < limits.verify.progress_ms) continue;
    shown_ms = performance.now();
    console.error(`${streams} streams, ${rows} rows so far; at sandbox ${harmless(report.sandbox_id)}`);
  }
  if (!json) await print(`${summaryOf(streams, rows, counts)}\n`);
  return counts.wrong > 0 ? 1 : 0;
}

const isUneventful = ({ verdict, gaps }: Report): boolean =>
  verdict === 'complete' ||
  verdict === 'expired' ||
  (verdict === 'open' && gaps.length === 0) ||
  (verdict === 'erased' && gaps.every(({ reason }) => isErased(reason)));

function summaryOf(streams: number, rows: number, counts: Record<Verdict, number>): string {
  const parts = Object.entries(counts).filter(([verdict, count]) => count > 0 || verdict === 'wrong');
  const list = parts.map(([verdict, count]) => `${count} ${verdict}`).join(', ');
  return `${streams} streams, ${rows} rows: ${list}`;
}

/** One line for the stream, and one for each missing or wrong part. */
function textOf(report: Report): string {
  const { sandbox_id, log, stream, verdict, seal } = report;
  const lines: string[] = [];
  if (sandbox_id === '') lines.push('rows without a sandbox');
  else {
    const end = seal === null ? '' : `, ${harmless(seal.reason)}`;
    lines.push(
      `${harmless(`${sandbox_id} ${log}`)} from ${shortTime(timeOf(stream))}: ` +
        `${verdict === 'wrong' ? 'WRONG' : verdict}${end}: ${report.bytes} bytes, ${report.lines} lines, CRC-32 ${hex(report.crc32)}`,
    );
  }
  for (const { from, to } of report.missing)
    lines.push(`  missing [${from}, ${to}): ${to - from} bytes, without a gap row`);
  const named = report.missing.reduce((sum, { from, to }) => sum + to - from, 0);
  if (named < report.missing_bytes) lines.push(`  missing ${report.missing_bytes - named} more bytes`);
  for (const problem of report.problems) lines.push(`  ${problem}`);
  for (const gap of report.gaps) lines.push(`  ${gapLine(gap, sandbox_id !== '')}`);
  if (report.repeated_rows > 0) {
    lines.push(
      `  ${report.repeated_rows} rows are stored more than once with equal content; a merge removes the copies`,
    );
  }
  return `${lines.join('\n')}\n`;
}

function gapLine({ from, to, reason }: Explained, isPlaced: boolean): string {
  if (!isPlaced) return `gap: ${harmless(reason)}`;
  const what = to === null ? `gap at ${from}: unknown length` : `gap [${from}, ${to}): ${to - from} bytes`;
  return `${what}: ${harmless(reason)}`;
}

function jsonOf({ sandbox_id, log, stream, ...rest }: Report): object {
  return { sandbox_id, log, stream_started_at: timeOf(stream), ...rest };
}
