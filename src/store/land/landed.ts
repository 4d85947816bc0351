import { randomUUID } from 'node:crypto';
import type { ClickHouseClient } from '@clickhouse/client';
import { limits } from '../../base/limits.ts';
import type { BatchHeader } from '../../wire/header.ts';

/**
 * Fence: when this returns, no INSERT whose query_id starts with `idPrefix` runs on this server any more.
 * Killing one's own queries needs no right but to read system.processes.
 * @throws whatever the client throws, and if an INSERT outlives its KILL
 */
export async function fence(client: ClickHouseClient, idPrefix: string, signal: AbortSignal): Promise<void> {
  // The prefix ends in a slash, so partition 1 does not match partition 10, and our own id matches nothing.
  const ours = `startsWith(query_id, '${idPrefix.replace(/[\\']/g, '\\$&')}')`;
  const query_id = `afterlog-fence/${randomUUID()}`;
  await client.command({ query: `KILL QUERY WHERE ${ours} SYNC`, query_id, abort_signal: signal });
  const answer = await client.query({
    query: `SELECT count() AS running FROM system.processes WHERE ${ours}`,
    format: 'JSONEachRow',
    abort_signal: signal,
  });
  const [row] = await answer.json<{ running: string | number }>();
  if (Number(row?.running) > 0) throw new Error('an earlier INSERT of this partition still runs');
}

const keyOf = (header: Pick<BatchHeader, 'host' | 'epoch'>): string => `${header.epoch}/${header.host}`;

/** The highest landed batch of each (host, epoch) that was looked up; the least recently used are forgotten. */
export class Landed {
  private readonly highest = new Map<string, number>();

  /** null: not looked up, or forgotten. 0: the table has none. */
  of(header: Pick<BatchHeader, 'host' | 'epoch'>): number | null {
    return this.highest.get(keyOf(header)) ?? null;
  }

  set(header: Pick<BatchHeader, 'host' | 'epoch'>, sequence: number): void {
    const key = keyOf(header);
    this.highest.delete(key);
    this.highest.set(key, sequence);
    if (this.highest.size > limits.insert.landed_epochs_max)
      this.highest.delete(this.highest.keys().next().value!);
  }

  clear(): void {
    this.highest.clear();
  }
}

/**
 * Look: asks the table itself for the highest landed batch of each of these epochs. The projection `landed`
 * answers without reading rows. It needs no FINAL: a repeated row has a batch that landed all the same.
 */
export async function look(
  client: ClickHouseClient,
  database: string,
  headers: Pick<BatchHeader, 'host' | 'epoch'>[],
  landed: Landed,
  signal: AbortSignal,
): Promise<void> {
  const unknown = new Map(
    headers.filter((header) => landed.of(header) === null).map((it) => [keyOf(it), it]),
  );
  if (unknown.size === 0) return;
  const answer = await client.query({
    query: lookQuery(database),
    query_params: {
      hosts: [...new Set([...unknown.values()].map((header) => header.host))],
      epochs: [...new Set([...unknown.values()].map((header) => header.epoch))],
    },
    // On replicas: an answer that includes every INSERT acknowledged by a quorum.
    clickhouse_settings: { select_sequential_consistency: '1' },
    format: 'JSONEachRow',
    abort_signal: signal,
  });
  const found = await answer.json<{ host: string; epoch: string; highest: string }>();
  for (const header of unknown.values()) landed.set(header, 0);
  for (const { host, epoch, highest } of found) {
    const header = unknown.get(keyOf({ host, epoch: Number(epoch) }));
    if (header) landed.set(header, Number(highest));
  }
}

/** Two plain INs rather than pairs: so the projection's own primary key narrows them down. */
export const lookQuery = (database: string): string => `
  SELECT host, toString(batch_epoch) AS epoch, toString(max(batch_sequence)) AS highest
  FROM ${database}.console_logs
  WHERE host IN {hosts:Array(String)} AND batch_epoch IN {epochs:Array(UInt64)}
  GROUP BY host, batch_epoch`;
