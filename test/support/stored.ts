import assert from 'node:assert/strict';
import type { ClickHouseClient } from '@clickhouse/client';
import type { Settings } from '../../src/config/settings.ts';
import { openStore } from '../../src/store/query.ts';
import { findTail } from '../../src/store/read/find_tail.ts';
import { readBytes } from '../../src/store/read/read_log.ts';
import { rowsOf } from './clickhouse.ts';
import { afterlog, environmentOf } from './roles.ts';
import { assertBytes } from './streams.ts';

/** Asserts on the table without FINAL; merges must be stopped before the first row. */
export async function stopMerges(client: ClickHouseClient, database: string): Promise<void> {
  await client.command({ query: `SYSTEM STOP MERGES ${database}.console_logs` });
}

export async function assertStoredOnceAndInOrder(client: ClickHouseClient, database: string): Promise<void> {
  const key = 'sandbox_id, log, stream_started_at, position, record';
  const [twice] = await rowsOf<{ keys: number }>(
    client,
    `SELECT count() AS keys FROM (SELECT ${key} FROM ${database}.console_logs GROUP BY ${key} HAVING count() > 1)`,
  );
  assert.equal(Number(twice!.keys), 0, 'keys that stand twice');
  const [unordered] = await rowsOf<{ streams: number }>(
    client,
    `SELECT count() AS streams FROM (
       SELECT arrayMap(x -> (x.3, x.4), arraySort(groupArray((position, record, batch_epoch, batch_sequence)))) AS batches
       FROM ${database}.console_logs WHERE sandbox_id != '' GROUP BY sandbox_id, log, stream_started_at
       HAVING batches != arraySort(batches))`,
  );
  assert.equal(
    Number(unordered!.streams),
    0,
    'streams whose rows came in another order than they were written',
  );
}

/** Number of sandboxes whose console has a seal for a complete log. */
export async function sealedCount(client: ClickHouseClient, database: string): Promise<number> {
  const [row] = await rowsOf<{ sealed: number }>(
    client,
    `SELECT uniqExact(sandbox_id) AS sealed FROM ${database}.console_logs
     WHERE record = 'seal' AND log = 'console' AND JSONExtractString(message, 'reason') = 'deleted'`,
  );
  return Number(row!.sealed);
}

/**
 * Asserts that each sandbox's console is stored byte for byte, with the query of `afterlog logs --raw`; only
 * the first is read with a process of the command.
 */
export async function assertReadBack(settings: Settings, written: Map<string, Buffer>): Promise<void> {
  const store = openStore(settings);
  for (const [index, [sandbox_id, bytes]] of [...written].entries()) {
    const id = { sandbox_id, log: 'console', workspace: null };
    const pieces: Buffer[] = [];
    const tail = await findTail(store, id, 0);
    if (tail !== null) {
      for await (const piece of readBytes(store, id, null, tail.until)) pieces.push(piece);
    }
    assertBytes(Buffer.concat(pieces), bytes, sandbox_id);
    if (index > 0) continue;
    const { stdout, stderr } = await afterlog(environmentOf(settings), 'logs', sandbox_id, '--raw');
    assertBytes(stdout, bytes, `${sandbox_id} ${stderr}`);
  }
  await store.client.close();
}
