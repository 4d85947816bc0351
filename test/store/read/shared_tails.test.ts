import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { limits } from '../../../src/base/limits.ts';
import { openStore, type Store } from '../../../src/store/query.ts';
import { SharedTails } from '../../../src/store/read/shared_tails.ts';
import { readShortTail } from '../../../src/store/read/short_tail.ts';
import { clickhouseSettings, migratedDatabase } from '../../support/clickhouse.ts';
import { insertRows, rowsOfFile, sealRow } from '../../support/rows.ts';

async function open(t: TestContext) {
  const { client, database } = await migratedDatabase(t);
  const store: Store = openStore(await clickhouseSettings(t, { clickhouseDatabase: database }));
  t.after(() => store.client.close());
  let queries = 0;
  const counted = {
    ...store,
    client: new Proxy(store.client, {
      get(target, name) {
        if (name === 'exec') queries++;
        return Reflect.get(target, name) as unknown;
      },
    }),
  } as Store;
  const land = (rows: Parameters<typeof insertRows>[2]) => insertRows(client, database, rows);
  return { store, counted, land, queries: () => queries };
}

const idOf = (sandbox_id: string, workspace: string | null = null) => ({
  sandbox_id,
  log: 'console',
  workspace,
});

test('tails that are asked for at once share queries, and each is what it is alone', async (t) => {
  const { store, counted, land, queries } = await open(t);
  const names = Array.from({ length: 40 }, (_, at) => `sb-${at}`);
  const rows = names.flatMap((name, at) => {
    const file = Buffer.from(`${name} says this\n`.repeat(at % 7 === 0 ? 90 : at));
    const workspace = at % 2 === 0 ? 'even' : 'odd';
    const all = rowsOfFile(name, file, { workspace });
    return at % 3 === 0 ? [...all, sealRow(name, file.length, 'deleted', { workspace })] : all;
  });
  await land(rows);
  const asked = [
    ...names.map((name) => [idOf(name), 20] as const),
    ...names.map((name) => [idOf(name, 'even'), 20] as const),
    ...names.map((name) => [idOf(name), 0] as const),
    [idOf('sb-7'), 20] as const,
    [idOf('never seen'), 20] as const,
  ];
  const tails = new SharedTails(counted);
  const shared = await Promise.all(asked.map(([id, lines]) => tails.read(id, lines)));
  assert.ok(queries() < asked.length / 4, `${queries()} queries for ${asked.length} tails`);
  for (const [at, [id, lines]] of asked.entries()) {
    assert.deepEqual(shared[at], await readShortTail(store, id, lines), JSON.stringify({ ...id, lines }));
  }
});

test('logs that are too large to share a query are read one by one', async (t) => {
  const { counted, land, queries } = await open(t);
  const names = Array.from({ length: 8 }, (_, at) => `sb-${at}`);
  for (const name of names) {
    const count = Math.ceil((2 * limits.read.shared_tail_bytes) / 60_000);
    await land(
      Array.from({ length: count }, (_, at) => ({
        sandbox_id: name,
        position: at * 60_001,
        message: 'x'.repeat(60_000),
      })),
    );
  }
  const tails = new SharedTails(counted);
  const found = await Promise.all(names.map((name) => tails.read(idOf(name), 3)));
  assert.deepEqual(
    found.map((tail) => tail?.bytes.length),
    names.map(() => 3 * 60_001),
  );
  assert.ok(queries() > names.length, 'none was tried together');
});

test('when ClickHouse does not answer, each who asked is told', async (t) => {
  const { counted } = await open(t);
  const broken = { ...counted, database: 'there_is_none' };
  const tails = new SharedTails(broken);
  const answers = await Promise.allSettled(
    Array.from({ length: 12 }, (_, at) => tails.read(idOf(`sb-${at}`), 5)),
  );
  for (const answer of answers) {
    assert.equal(answer.status, 'rejected');
    assert.equal((answer.reason as { code?: string }).code, 'SCHEMA_BEHIND');
  }
});
