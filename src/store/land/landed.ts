import { randomUUID } from 'node:crypto';
import type { ClickHouseClient } from '@clickhouse/client';
import { limits } from '../../base/limits.ts';
import type { BatchHeader } from '../../wire/header.ts';
import { insertInto } from './insert.ts';

/**
 * Fence: when this returns, no INSERT into this database whose query_id starts with `idPrefix` runs on this
 * server any more. A user may kill its own queries if it may read system.processes.
 * @throws whatever the client throws, and an Error if an INSERT outlives its KILL
 */
export async function fence(
  client: ClickHouseClient,
  database: string,
  idPrefix: string,
  signal: AbortSignal,
): Promise<void> {
  // The prefix ends in a slash, so partition 1 does not match partition 10; the fence's own id does not match
  // either.
  const ours = `${startsWith('query_id', idPrefix)} AND ${startsWith('query', insertInto(database))}`;
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

const startsWith = (column: string, text: string): string =>
  `startsWith(${column}, '${text.replace(/[\\']/g, '\\$&')}')`;

const keyOf = (header: Pick<BatchHeader, 'host' | 'epoch'>): string => `${header.epoch}/${header.host}`;

/** The highest landed batch of each (host, epoch) that was looked up; it forgets the least recently used. */
export class Landed {
  private readonly highest = new Map<string, number>();

  /** null: not looked up, or forgotten. 0: the table has no batch. */
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

  /** The next look asks for it again. */
  forget(header: Pick<BatchHeader, 'host' | 'epoch'>): void {
    this.highest.delete(keyOf(header));
  }

  clear(): void {
    this.highest.clear();
  }
}

/**
 * Look: asks the table itself for the highest landed batch of each of these epochs. The projection `landed`
 * answers without reading rows. FINAL is not needed: the batch of a repeated row has landed too.
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
    // On replicas the answer then includes every INSERT that a quorum acknowledged.
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

/** Two plain INs, because the projection's primary key cannot use an IN of pairs. */
export const lookQuery = (database: string): string => `
  SELECT host, toString(batch_epoch) AS epoch, toString(max(batch_sequence)) AS highest
  FROM ${database}.console_logs
  WHERE host IN {hosts:Array(String)} AND batch_epoch IN {epochs:Array(UInt64)}
  GROUP BY host, batch_epoch`;
