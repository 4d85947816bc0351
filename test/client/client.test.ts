import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { z } from 'zod';
import { freePort } from '../../src/base/child_process.ts';
import {
  Afterlog,
  AfterlogRefusal,
  type LogEnd,
  type LogGap,
  type LogLine,
  type LogNuls,
  type LogRecord,
  type Sandbox,
} from '../../src/client/client.ts';
import type { recordShape, sandboxShape } from '../../src/serve/http/shapes.ts';
import { migrate } from '../../src/store/care/migrate.ts';
import { startApi } from '../support/api.ts';
import { clickhouse, clickhouseSettings } from '../support/clickhouse.ts';
import { until } from '../support/patience.ts';
import { environmentOf, RoleProcess } from '../support/roles.ts';
import { gapRow, insertRows, rowsOfFile, sealRow } from '../support/rows.ts';
import { sha256 } from '../support/sha256.ts';

const root = join(import.meta.dirname, '../..');

async function all<Item>(of: AsyncIterable<Item>): Promise<Item[]> {
  const items: Item[] = [];
  for await (const item of of) items.push(item);
  return items;
}

test('logs, sandboxes, search, boots, crashes, histogram: all pages, with types that are the server’s', async (t) => {
  const api = await startApi(t, { tokens: sha256('key') });
  await insertRows(api.client, api.database, [
    ...rowsOfFile('s', Buffer.from('boot\n'), { event: 'boot.start', title: 'Linux' }),
    { sandbox_id: 's', position: 5, message: 'needle', event: 'kernel.panic', title: 'panic: x' },
    gapRow('s', 12, 3, 'lost'),
    sealRow('s', 15, 'deleted'),
    ...Array.from({ length: 120 }, (_, at) => ({ sandbox_id: `n-${at}`, position: 0, message: 'needle' })),
  ]);
  const afterlog = new Afterlog({ url: `${api.address}/`, token: 'key' });
  const records: LogRecord[] = await all(afterlog.logs('s'));
  // Both ways, so that neither has what the other has not.
  const of_server: z.output<typeof recordShape>[] = records;
  const of_client: LogRecord[] = of_server;
  assert.deepEqual(
    of_client.map(({ record }) => record),
    ['line', 'line', 'gap', 'seal'],
  );
  assert.deepEqual(await all(afterlog.logs('s', { cursor: records[0]!.id, limit: 1 })), records.slice(1));
  assert.equal(await afterlog.text('s', { tail: 1 }), 'needle\n');
  assert.equal(
    await afterlog.text('s', { since: new Date('2026-11-20'), source: ['app', 'x'], q: 'boot' }),
    'boot\n',
  );
  const sandboxes: Sandbox[] = await all(afterlog.sandboxes({ state: 'alive' }));
  const shaped: z.output<typeof sandboxShape>[] = sandboxes;
  assert.equal(shaped.length, 120);
  assert.equal((await afterlog.sandbox('s'))?.state, 'deleted');
  assert.equal(await afterlog.sandbox('nobody'), null);
  assert.equal((await all(afterlog.search('needle', { context: 1 }))).length, 121);
  const since = '2026-11-01';
  assert.deepEqual(
    (await all(afterlog.boots({ since }))).map(({ outcome }) => outcome),
    ['panicked'],
  );
  assert.deepEqual(
    (await all(afterlog.crashes({ since }))).map(({ title }) => title),
    ['panic: x'],
  );
  assert.deepEqual(
    (await afterlog.causes({ since })).map(({ crashes }) => crashes),
    [1],
  );
  const [bucket] = await afterlog.histogram({
    since,
    until: new Date('2026-11-30'),
    buckets: 1,
    q: 'needle',
  });
  assert.deepEqual(bucket!.counts, { INFO: 121 });
  await assert.rejects(
    all(afterlog.logs('nobody')),
    (error: AfterlogRefusal) => error.code === 'SANDBOX_UNKNOWN',
  );
  await assert.rejects(all(afterlog.follow('nobody')), (error: AfterlogRefusal) => error.status === 404);
  await assert.rejects(all(new Afterlog({ url: api.address }).sandboxes()), AfterlogRefusal);
  assert.throws(() => new Afterlog({ url: 'nowhere' }), TypeError);
});

test('in a browser its address may be a path of the page’s own origin', async (t) => {
  const globals = globalThis as { location?: { href: string } | undefined };
  globals.location = { href: 'https://product.example/sandboxes/s?tab=logs#end' };
  t.after(() => delete globals.location);
  const asked: string[] = [];
  const answer: typeof fetch = async (address) => {
    asked.push(String(address));
    return new Response('');
  };
  for (const url of ['/afterlog/', 'http://127.0.0.1:8600']) {
    await new Afterlog({ url, fetch: answer }).text('s');
  }
  assert.deepEqual(asked, [
    'https://product.example/afterlog/v1/sandboxes/s/logs?format=text',
    'http://127.0.0.1:8600/v1/sandboxes/s/logs?format=text',
  ]);
});

test('wait gives the line, null when it does not come, and throws when the log ends', async (t) => {
  const api = await startApi(t);
  const afterlog = new Afterlog({ url: api.address });
  const waiting = afterlog.wait('s', 'ready', { timeout: 600 });
  await insertRows(api.client, api.database, rowsOfFile('s', Buffer.from('boot\nready\n')));
  assert.equal((await waiting)?.message, 'ready');
  assert.equal(await afterlog.wait('s', 'never', { timeout: 0 }), null);
  await insertRows(api.client, api.database, [sealRow('s', 11, 'deleted')]);
  await assert.rejects(
    afterlog.wait('s', 'never', { timeout: 600 }),
    (error: AfterlogRefusal) => error.code === 'LOG_ENDED',
  );
});

test('a follower goes on where it was when the server is killed and comes again, however often', async (t) => {
  const port = await freePort();
  const settings = await clickhouseSettings(t, { listen: `127.0.0.1:${port}` });
  const client = clickhouse(t);
  const { database } = settings.clickhouse;
  await migrate(client, database);
  const server = new RoleProcess(t, ['server'], environmentOf(settings));
  server.start();
  let position = 0;
  const write = async (count: number): Promise<void> => {
    const file = Buffer.from(Array.from({ length: count }, (_, at) => `${position}+${at}\n`).join(''));
    await insertRows(client, database, rowsOfFile('s', file, {}, position));
    position += file.length;
  };
  await write(3);
  const url = `http://127.0.0.1:${port}`;
  let opened = 0;
  const counting: typeof fetch = async (...request) => {
    const response = await fetch(...request);
    opened++;
    return response;
  };
  const got: (LogLine | LogGap | LogNuls | LogEnd)[] = [];
  const troubles: boolean[] = [];
  // Where this test fails, they would come again for ever.
  const stop = new AbortController();
  t.after(() => stop.abort());
  const { signal } = stop;
  const following = (async () => {
    const onTrouble = (error: Error | null): void => void troubles.push(error !== null);
    const afterlog = new Afterlog({ url, fetch: counting });
    for await (const record of afterlog.follow('s', { tail: 0, onTrouble, signal })) got.push(record);
  })();
  // Another begins behind all lines, and is cut off before it has one.
  const first = new Afterlog({ url, fetch: counting }).follow('s', { tail: 0, signal });
  const expected: number[] = [];
  const firstLine = first.next();
  await until(() => opened === 2);
  for (const lines of [5, 700, 1]) {
    await server.kill();
    expected.push(position);
    await write(lines);
    server.start();
    await until(() => got.some((record) => record.record === 'line' && record.position === expected.at(-1)));
    await write(4);
  }
  await insertRows(client, database, [sealRow('s', position, 'deleted')]);
  await following;
  const lines = got.filter(({ record }) => record === 'line') as LogLine[];
  let next = expected[0]!;
  for (const { position, message } of lines) {
    assert.equal(position, next, 'no line is left out, and none comes twice');
    next += message.length + 1;
  }
  assert.equal(next, position);
  assert.equal(got.at(-1)!.record, 'end');
  assert.deepEqual(troubles.slice(-2), [true, false]);
  assert.equal(((await firstLine).value as LogLine).position, expected[0]);
  await first.return();
});

test('a follower ends when it is told to, also while the server is away', async () => {
  const afterlog = new Afterlog({ url: `http://127.0.0.1:${await freePort()}` });
  const stop = new AbortController();
  const onTrouble = (): void => stop.abort();
  assert.deepEqual(await all(afterlog.follow('s', { signal: stop.signal, onTrouble })), []);
});

test('the client stands alone: it imports nothing but itself, and package.json leads to it', () => {
  for (const path of globSync('src/client/*.ts', { cwd: root })) {
    for (const [, from] of readFileSync(join(root, path), 'utf8').matchAll(/from '([^']+)'/g)) {
      assert.equal(from, './types.ts', path);
    }
    assert.doesNotMatch(readFileSync(join(root, path), 'utf8'), /\b(?:process|Buffer|require|node:)\b/);
  }
  const { exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    exports: Record<string, { types: string; default: string }>;
  };
  assert.deepEqual(exports['./client'], {
    types: './dist/client/client.d.ts',
    default: './dist/client/client.js',
  });
});
