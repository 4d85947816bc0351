import { setTimeout as sleep } from 'node:timers/promises';
import { limits } from '../../base/limits.ts';
import type { Store } from '../../store/query.ts';
import { isEnd } from '../../store/read/follow_log.ts';
import { type LastRow, type LogId, lastRow } from '../../store/read/read_log.ts';
import { logNames } from '../../wire/log_names.ts';
import type { Agents } from './agents.ts';

/**
 * Resolves when everything that a log's file held at the call is stored, so that a request right after a kill
 * or a deletion gets the last bytes: the agent flushes and answers its position, and the server waits until
 * that has landed. It does not wait if the log has ended or no agent can be asked, and never longer than
 * `limits.read.last_bytes_ms`.
 * @param last the log's last row now
 * @returns whether the log may have more rows now
 */
export async function waitForLastBytes(
  store: Store,
  agents: Agents,
  id: LogId,
  last: LastRow | null,
  signal: AbortSignal,
): Promise<boolean> {
  if (last !== null && isEnd(last)) return false;
  // A token of one workspace must not learn about rows that an agent has and the store has not.
  if (last === null && id.workspace !== null) return false;
  const end_ms = performance.now() + agents.patience_ms;
  const flushed = await agents.flush(last?.host ?? null, id.sandbox_id);
  if (flushed === null) return false;
  let isThere: (row: LastRow) => boolean;
  if (flushed === 'nothing open') {
    // Everything is in the spool, with a seal; if the last row is recent, the seal is on its way.
    if (last === null || Date.now() - last.observed_ms > limits.read.seal_awaited_ms) return false;
    isThere = isEnd;
  } else {
    const log = flushed.find((one) => one.log === id.log);
    if (log === undefined) return false;
    const stream = BigInt(log.stream_started_at_ns);
    isThere = (row) => {
      if (BigInt(row.stream) !== stream) return BigInt(row.stream) > stream;
      return BigInt(row.end) >= BigInt(log.bytes) && (log.sealed === null || row.record === 'seal');
    };
  }
  let row = last;
  while ((row === null || !isThere(row)) && performance.now() < end_ms && !signal.aborted) {
    await sleep(limits.read.last_bytes_look_ms);
    row = await lastRow(store, id);
  }
  return row !== last;
}

/** The same for all logs of a sandbox. */
export async function waitForAllLogs(
  store: Store,
  agents: Agents,
  id: Omit<LogId, 'log'>,
  signal: AbortSignal,
): Promise<void> {
  const wait = async (log: string): Promise<boolean> =>
    waitForLastBytes(store, agents, { ...id, log }, await lastRow(store, { ...id, log }), signal);
  await Promise.all(logNames.map(wait));
}
