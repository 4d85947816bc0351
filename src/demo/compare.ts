import type { ClickHouseClient } from '@clickhouse/client';
import { limits } from '../base/limits.ts';
import type { Finished, Fleet } from './fleet.ts';

/** Results of the comparison of deleted sandboxes with ClickHouse. */
export interface Compared {
  /** Number of sandboxes with every byte in ClickHouse: same length, same CRC-32, all logs sealed. */
  whole: number;
  /** Sandboxes that differ, newest last (bounded). */
  wrong: string[];
  /** Written bytes of these sandboxes that are not in ClickHouse. */
  lost_bytes: number;
  /** Number of deleted sandboxes whose logs are not all sealed yet. */
  waiting: number;
}

/** A log of a sandbox as stored in ClickHouse. */
interface Held {
  sandbox_id: string;
  log: string;
  bytes: string;
  crc32: number;
  sealed: boolean;
}

// Joins the stored bytes in order, so that the check does not rely on any part of the pipeline. FINAL removes
// copies of rows with the same key.
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
 * Compares the fleet's deleted sandboxes with ClickHouse, some of them at each call of `look`. A sandbox is
 * wrong if its logs are sealed but differ, or if sandboxes that were deleted much later are complete already.
 * @param judged called once for each sandbox, when its result is known
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
    // The oldest, which are due, and the newest, which can show that the old ones are late.
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
