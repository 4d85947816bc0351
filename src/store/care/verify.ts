import { today } from '../../wire/header.ts';
import { type Params, type Store, selectRows } from '../query.ts';
import { parseGap } from '../record.ts';
import {
  type CheckedRow,
  compareStreams,
  type KnownStream,
  knownStreams,
  missingBatchesAt,
  retentionDays,
  rowsToCheck,
  type StreamId,
  type VerifyScope,
} from './verify_rows.ts';
import { type Checked, StreamCheck } from './verify_stream.ts';

/**
 * The result for one stream. `expired`: retention removed all its rows. A report without a sandbox_id holds
 * the gap rows whose sandbox is not known.
 */
export interface Report extends StreamId, Omit<Checked, 'verdict'> {
  verdict: Checked['verdict'] | 'expired';
  /** Rows read for it. */
  rows: number;
}

/**
 * Recomputes every stream of the scope from its rows and compares it with its seal, in order of sandbox, log
 * and stream. Memory does not grow with rows or streams.
 * @throws AfterlogError as selectRows
 */
export async function* verify(store: Store, scope: VerifyScope, page_rows?: number): AsyncGenerator<Report> {
  const retention = await retentionDays(store);
  const known = knownStreams(store, scope);
  let expected = (await known.next()).value as KnownStream | undefined;
  let group: VerifiedStream | null = null;
  /** Reports the known streams before this one, which have no rows. */
  const upTo = async function* (id: StreamId | null): AsyncGenerator<Report> {
    while (expected !== undefined && (id === null || compareStreams(expected, id) < 0)) {
      const report = await withoutRows(store, expected, retention);
      if (report !== null) yield report;
      expected = (await known.next()).value as KnownStream | undefined;
    }
  };
  for await (const rows of rowsToCheck(store, scope, page_rows)) {
    for (const row of rows) {
      if (group === null || !group.has(row)) {
        if (group !== null) yield await group.report(store, retention);
        yield* upTo(row);
        const isKnown = expected !== undefined && compareStreams(expected, row) === 0;
        group = new VerifiedStream(row, isKnown ? expected! : null);
        if (isKnown) expected = (await known.next()).value as KnownStream | undefined;
      }
      group.add(row);
    }
  }
  if (group !== null) yield await group.report(store, retention);
  yield* upTo(null);
}

/** The rows of one stream as they arrive. */
class VerifiedStream {
  private readonly id: StreamId;
  private readonly known: KnownStream | null;
  private readonly check = new StreamCheck();
  private rows = 0;

  constructor({ sandbox_id, log, stream }: StreamId, known: KnownStream | null) {
    this.id = { sandbox_id, log, stream };
    this.known = known;
  }

  has({ sandbox_id, log, stream }: StreamId): boolean {
    return stream === this.id.stream && sandbox_id === this.id.sandbox_id && log === this.id.log;
  }

  add(row: CheckedRow): void {
    this.rows++;
    // The positions of rows without a sandbox are numbers of batches or messages.
    this.check.add(this.id.sandbox_id === '' ? unplaced(row) : row);
  }

  async report(store: Store, retention: number | null): Promise<Report> {
    const { check, id, known } = this;
    check.end();
    for (const hole of [...check.holes]) {
      if (hole.from === 0 && known !== null && isPast(known.first_day, retention)) {
        check.explain(hole, `removed by retention (${retention} days)`);
        continue;
      }
      const reasons = await missingBatchesAt(store, id, hole.from, hole.to);
      if (reasons.length > 0) check.explain(hole, reasons.join('; '));
    }
    const checked = check.result();
    const verdict = id.sandbox_id === '' ? 'incomplete' : checked.verdict;
    return { ...id, ...checked, verdict, rows: this.rows };
  }
}

function unplaced(row: CheckedRow): CheckedRow {
  const { reason } = parseGap(row.message);
  return { ...row, message: JSON.stringify({ bytes: null, reason }), position: 0 };
}

/** The report of a stream that has only its row in `streams`; null if it has other rows by now. */
async function withoutRows(
  store: Store,
  stream: KnownStream,
  retention: number | null,
): Promise<Report | null> {
  const params: Params = { sandbox: stream.sandbox_id, log: stream.log, stream: stream.stream };
  const found = await selectRows(
    store,
    `SELECT 1 AS found FROM ${store.database}.console_logs WHERE sandbox_id = {sandbox: String} AND log = {log: String}
       AND stream_started_at = fromUnixTimestamp64Nano({stream: Int64}, 'UTC') LIMIT 1`,
    params,
  );
  if (found.length > 0) return null;
  const isExpired = isPast(stream.last_day, retention);
  return {
    sandbox_id: stream.sandbox_id,
    log: stream.log,
    stream: stream.stream,
    ...new StreamCheck().result(),
    verdict: isExpired ? 'expired' : 'wrong',
    missing: isExpired ? [] : [{ from: 0, to: stream.bytes }],
    missing_bytes: isExpired ? 0 : stream.bytes,
    problems: isExpired ? [] : ['it was seen, and none of its rows is here'],
    rows: 0,
  };
}

/** Whether retention has removed the rows of a day, or may remove them at any moment. */
const isPast = (day: number, retention: number | null): boolean =>
  retention !== null && day + retention <= today();
