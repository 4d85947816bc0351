import type { ClickHouseClient } from '@clickhouse/client';
import { limits } from '../base/limits.ts';
import type { Finished, Fleet } from './fleet.ts';

/** What a comparison of deleted sandboxes with ClickHouse has found so far. */
export interface Compared {
  /** Sandboxes whose every byte is in ClickHouse: same length, same CRC-32, all logs sealed. */
  whole: number;
  /** Sandboxes that differ, newest last (bounded). */
  wrong: string[];
  /** Bytes that were written and are not in ClickHouse, of the sandboxes that differ. */
  lost_bytes: number;
  /** Deleted sandboxes that ClickHouse has not sealed yet. */
  waiting: number;
}

/** What ClickHouse holds of one log of one sandbox. */
interface Held {
  sandbox_id: string;
  log: string;
  bytes: string;
  crc32: number;
  sealed: boolean;
}

// The bytes themselves, joined in order: a check that no part of the way here has a hand in. FINAL, as the
// table's key is what makes a row one.
const heldQuery = (database: string): string => `
  SELECT sandbox_id, log, toString(sum(length(line))) AS bytes, max(sealed) AS sealed,
    CRC32(arrayStringConcat(arrayMap(row -> row.3, arraySort(row -> (row.1, row.2),
      groupArray((stream_started_at, position, line)))))) AS crc32
  FROM
  (
    SELECT sandbox_id, log, stream_started_at, position,
      if(record = 'line', concat(prefix, message, ending), '') AS line,
      record = 'seal' AND JSONExtractString(message, 'reason') = 'deleted' AS sealed
    FROM ${database}.console_logs FINAL
    WHERE sandbox_id IN {ids:Array(String)}
  )
  GROUP BY sandbox_id, log`;

/**
 * Compares the fleet's deleted sandboxes with ClickHouse, some at each call. A sandbox counts as lost or wrong
 * when ClickHouse calls it complete and it is not, or when sandboxes deleted much later are complete already.
 * @param judged called once for each sandbox, when it is known
 */
export function createComparer(
  client: ClickHouseClient,
  database: string,
  fleet: Pick<Fleet, 'finished' | 'forget'>,
  judged: (sandbox: Finished, is_whole: boolean) => void = () => {},
) {
  const compared: Compared = { whole: 0, wrong: [], lost_bytes: 0, waiting: 0 };
  let newest_whole_ms = 0;
  const look = async (): Promise<void> => {
    const finished = fleet.finished();
    // The oldest, as they are due; the newest, as only they show that what is old is late.
    const half = limits.demo.compared_at_once / 2;
    const some = [...new Set([...finished.slice(0, half), ...finished.slice(-half)])];
    if (some.length > 0) {
      const answer = await client.query({
        query: heldQuery(database),
        query_params: { ids: some.map((sandbox) => sandbox.id) },
        format: 'JSONEachRow',
      });
      const held = (await answer.json<Held>()).map((row) => ({ ...row, bytes: Number(row.bytes) }));
      for (const sandbox of some)
        judge(
          sandbox,
          held.filter((row) => row.sandbox_id === sandbox.id),
        );
    }
    compared.waiting = fleet.finished().length;
  };
  const judge = (sandbox: Finished, held: (Omit<Held, 'bytes'> & { bytes: number })[]): void => {
    const logs = Object.entries(sandbox.written).filter(([, written]) => written.bytes > 0);
    let lost = 0;
    let same = true;
    let sealed = true;
    for (const [log, written] of logs) {
      const row = held.find((found) => found.log === log);
      sealed &&= Boolean(row?.sealed);
      same &&= row?.bytes === written.bytes && row.crc32 === written.crc32;
      lost += Math.max(0, written.bytes - (row?.bytes ?? 0));
    }
    if (same && sealed) {
      compared.whole++;
      newest_whole_ms = Math.max(newest_whole_ms, sandbox.deleted_at_ms);
    } else if (sealed || sandbox.deleted_at_ms + limits.demo.late_ms < newest_whole_ms) {
      compared.wrong = [...compared.wrong, sandbox.id].slice(-limits.demo.recent_max);
      compared.lost_bytes += lost;
    } else return;
    fleet.forget(sandbox.id);
    judged(sandbox, same && sealed);
  };
  return { compared: (): Compared => ({ ...compared }), look };
}
