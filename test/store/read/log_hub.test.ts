import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { limits } from '../../../src/base/limits.ts';
import { openStore, type Store } from '../../../src/store/query.ts';
import { isWanted, type LineFilter, severities } from '../../../src/store/read/line_filter.ts';
import { LogHub } from '../../../src/store/read/log_hub.ts';
import { type LogRow, readRows } from '../../../src/store/read/read_log.ts';
import { clickhouseSettings, migratedDatabase } from '../../support/clickhouse.ts';
import { until } from '../../support/patience.ts';
import { fc } from '../../support/property.ts';
import { gapRow, insertRows, rowsOfFile, SECOND_STREAM, sealRow } from '../../support/rows.ts';

async function open(t: TestContext) {
  const { client, database } = await migratedDatabase(t);
  const store: Store = openStore(await clickhouseSettings(t, { clickhouseDatabase: database }));
  t.after(() => store.client.close());
  const queries = { parts: 0, hub: 0, own: 0 };
  const counted = {
    ...store,
    client: new Proxy(store.client, {
      get(target, name) {
        if (name !== 'query') return Reflect.get(target, name) as unknown;
        return async (params: Parameters<typeof target.query>[0]) => {
          const answer = await target.query(params);
          queries[kindOf(params.query)]++;
          return answer;
        };
      },
    }),
  };
  const land = (rows: Parameters<typeof insertRows>[2]) => insertRows(client, database, rows);
  const asked = (kind: keyof typeof queries): number => queries[kind];
  return { client, database, store: counted as Store, land, asked };
}

function kindOf(query: string): 'parts' | 'hub' | 'own' {
  if (query.includes('GROUP BY _part')) return 'parts';
  return query.includes('_part') ? 'hub' : 'own';
}

const idOf = (sandbox_id: string, workspace: string | null = null) => ({
  sandbox_id,
  log: 'console',
  workspace,
});

/** Follows to the end, and keeps what came. */
function gather(t: TestContext, hub: LogHub, id: ReturnType<typeof idOf>, filter: LineFilter = {}) {
  const stop = new AbortController();
  t.after(() => stop.abort());
  const rows: LogRow[] = [];
  let isOver = false;
  void (async () => {
    for await (const step of hub.follow(id, { after: null, filter, signal: stop.signal, pulse_ms: 1_000 })) {
      rows.push(...step.rows);
      isOver ||= step.end !== null;
    }
  })();
  return { rows, isOver: () => isOver, stop: () => stop.abort() };
}

test('every follower gets every row once and in order, while rows land and parts are merged', async (t) => {
  const { client, database, store, land } = await open(t);
  const hub = new LogHub(store, 20);
  const names = Array.from({ length: 30 }, (_, at) => `sb-${at}`);
  const position = new Map(names.map((name) => [name, 0]));
  const round = async (some: string[], lines: number): Promise<void> => {
    const rows = some.flatMap((name) => {
      const from = position.get(name)!;
      const file = Buffer.from('x\n'.repeat(lines));
      position.set(name, from + file.length);
      return rowsOfFile(name, file, {}, from);
    });
    await land(rows);
  };
  await round(names, 3);
  const early = names.map((name) => gather(t, hub, idOf(name)));
  for (let at = 0; at < 20; at++) {
    await round(names.slice(at, at + 10), 1 + (at % 5));
    if (at === 8) await round(['sb-0'], 7_000);
    if (at % 4 === 0) await client.command({ query: `OPTIMIZE TABLE ${database}.console_logs FINAL` });
  }
  const late = names.map((name) => gather(t, hub, idOf(name)));
  await land(names.map((name) => sealRow(name, position.get(name)!, 'deleted')));
  await until(() => [...early, ...late].every(({ isOver }) => isOver()));
  for (const [at, name] of names.entries()) {
    const expected = Array.from({ length: position.get(name)! / 2 }, (_, line) => String(2 * line));
    for (const { rows } of [early[at]!, late[at]!]) {
      const lines = rows.filter(({ record }) => record === 'line');
      assert.deepEqual(
        lines.map((row) => row.position),
        expected,
        name,
      );
    }
  }
  assert.equal(hub.followers, 0);
});

test('what lands for many is asked for once', async (t) => {
  const { store, land, asked } = await open(t);
  const hub = new LogHub(store, 20);
  const names = Array.from({ length: 50 }, (_, at) => `sb-${at}`);
  const landOne = (position: number) =>
    land(names.map((sandbox_id) => ({ sandbox_id, position, message: `${position}` })));
  await landOne(0);
  const all = names.map((name) => gather(t, hub, idOf(name)));
  // Each has read what there was.
  await until(() => asked('own') === 2 * names.length);
  await landOne(2);
  await landOne(4);
  await until(() => all.every(({ rows }) => rows.length === 3));
  assert.equal(asked('own'), 2 * names.length);
  assert.ok(asked('hub') <= 2, `${asked('hub')} queries for two landings`);
  for (const { rows } of all)
    assert.deepEqual(
      rows.map(({ message }) => message),
      ['0', '2', '4'],
    );
});

test('one who takes nothing holds nothing, and reads for himself when he goes on', async (t) => {
  const { store, land } = await open(t);
  const hub = new LogHub(store, 20);
  const slow = hub.follow(idOf('s'), {
    after: null,
    signal: new AbortController().signal,
    pulse_ms: 1_000,
  });
  await land(rowsOfFile('s', Buffer.from('first\n')));
  assert.equal((await slow.next()).value!.rows.length, 1);
  const quick = gather(t, hub, idOf('s'));
  for (let at = 0; at < 4; at++) {
    await land(rowsOfFile('s', Buffer.from('0123456789\n'.repeat(3_000)), {}, 6 + at * 33_000));
  }
  await until(() => quick.rows.length === 12_001);
  await land([sealRow('s', 132_006, 'deleted')]);
  let rows = 1;
  for (;;) {
    const { value, done } = await slow.next();
    if (done) break;
    rows += value.rows.length;
    if (value.end !== null) break;
  }
  assert.equal(rows, 12_002);
  await slow.return(undefined);
});

test('more than one answer holds is read by the followers themselves, whether parts were merged or not', async (t) => {
  const { client, database, store, land } = await open(t);
  const hub = new LogHub(store, 20);
  const flooded = gather(t, hub, idOf('flooded'));
  const quiet = gather(t, hub, idOf('quiet'));
  await land([...rowsOfFile('flooded', Buffer.from('0\n')), ...rowsOfFile('quiet', Buffer.from('0\n'))]);
  await until(() => flooded.rows.length === 1 && quiet.rows.length === 1);
  const flood = Buffer.from('x\n'.repeat(limits.follow.hub_rows_max + 1));
  await land([...rowsOfFile('flooded', flood, {}, 2), ...rowsOfFile('quiet', Buffer.from('1\n'), {}, 2)]);
  await client.command({ query: `OPTIMIZE TABLE ${database}.console_logs FINAL` });
  await land([sealRow('flooded', 2 + flood.length, 'deleted'), sealRow('quiet', 4, 'deleted')]);
  await until(() => flooded.isOver() && quiet.isOver());
  const positions = (rows: LogRow[]): string[] => [...new Set(rows.map(({ position }) => position))];
  assert.equal(positions(flooded.rows).length, flooded.rows.length);
  assert.equal(flooded.rows.length, 1 + limits.follow.hub_rows_max + 1 + 1);
  assert.equal(quiet.rows.length, 3);
});

test('followers get their workspace’s rows, and across a sandbox that was made again', async (t) => {
  const { store, land } = await open(t);
  const hub = new LogHub(store, 20);
  const [mine, theirs, all] = ['a', 'b', null].map((workspace) => gather(t, hub, idOf('s', workspace)));
  await land([{ sandbox_id: 's', position: 0, message: 'a', workspace: 'a' }]);
  await land([
    { sandbox_id: 's', position: 2, message: 'b', workspace: 'b' },
    gapRow('s', 4, 1, 'lost'),
    sealRow('s', 5, 'recreated'),
  ]);
  await until(() => all!.rows.length === 4);
  await land([
    { sandbox_id: 's', position: 0, message: 'c', workspace: 'a', stream_started_at: SECOND_STREAM },
  ]);
  await until(() => all!.rows.length === 5 && mine!.rows.length === 2 && theirs!.rows.length > 0);
  assert.deepEqual(
    mine!.rows.map(({ message }) => message),
    ['a', 'c'],
  );
  assert.deepEqual(
    theirs!.rows.map(({ message }) => message),
    ['b'],
  );
});

test('a row that is here is wanted exactly where the query wants it', async (t) => {
  const { store, land } = await open(t);
  const base = 1_795_168_800;
  const words = ['boot', 'ready 50%_', '[app] it’s', 'ünï', ''];
  await land(
    Array.from({ length: 60 }, (_, at) => ({
      sandbox_id: 's',
      position: at * 100,
      record: at % 17 === 0 ? ('gap' as const) : ('line' as const),
      prefix: at % 3 === 0 ? '[app] ' : '',
      message: at % 17 === 0 ? '{}' : Buffer.from(words[at % 5]!).toString('latin1'),
      source: ['kernel', 'app', ''][at % 3]!,
      severity: ['', ...severities][at % 7]!,
      timestamp: `${new Date((base + (at % 10)) * 1_000).toISOString().slice(0, 19).replace('T', ' ')}.00000000${at % 10}`,
    })),
  );
  const all = await readRows(store, idOf('s'), null);
  assert.equal(all.length, 60);
  const moment = fc.option(
    fc.integer({ min: -1, max: 10 }).map((s) => BigInt(base + s) * 1_000_000_000n + 4n),
    { nil: undefined },
  );
  const filters = fc.record({
    sources: fc.option(fc.subarray(['kernel', 'app', 'none'], { minLength: 1 }), { nil: undefined }),
    severity: fc.option(fc.constantFrom(...severities), { nil: undefined }),
    since: moment,
    until: moment,
    text: fc.option(fc.constantFrom('o', '50%_', '] it', 'ü', 'nowhere', "it's"), { nil: undefined }),
  });
  await fc.assert(
    fc.asyncProperty(filters, async (filter) => {
      const asked = await readRows(store, idOf('s'), null, filter);
      const here = all.filter((row) => isWanted(filter, row));
      assert.deepEqual(here, asked);
    }),
    { numRuns: 60 },
  );
});
