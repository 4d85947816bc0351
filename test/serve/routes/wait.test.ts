import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Api, startApi } from '../../support/api.ts';
import { clickhouseUrl } from '../../support/clickhouse.ts';
import { afterlog, startAfterlog } from '../../support/command.ts';
import { insertRows, rowsOfFile, sealRow } from '../../support/rows.ts';

const wait = async (api: Api, id: string, query: string): Promise<[number, Record<string, unknown>]> => {
  const response = await fetch(`${api.address}/v1/sandboxes/${id}/logs/wait?${query}`);
  return [response.status, (await response.json()) as Record<string, unknown>];
};

test('the first line that holds the text is answered: at once, when it comes, of a sandbox that is yet to come', async (t) => {
  const api = await startApi(t);
  const later = [
    wait(api, 's', 'for=ready&timeout=600'),
    wait(api, 'late', 'for=%5Bapp%5D%20up&timeout=600'),
  ];
  await insertRows(api.client, api.database, rowsOfFile('s', Buffer.from('boot\nready 1\nready 2\n')));
  const [status, line] = await later[0]!;
  assert.deepEqual([status, line.message, line.position], [200, 'ready 1', 5]);
  assert.equal((await wait(api, 's', 'for=ready'))[1].message, 'ready 1');
  assert.equal((await wait(api, 's', `for=ready&cursor=${line.id}`))[1].message, 'ready 2');
  await insertRows(api.client, api.database, [
    { sandbox_id: 'late', position: 0, prefix: '[app] ', message: 'up', ending: '\r\n' },
  ]);
  assert.equal((await later[1]!)[1].message, 'up');
});

test('it is 408 when the line does not come, 410 when the log ends without it, 400 without a text', async (t) => {
  const api = await startApi(t);
  await insertRows(api.client, api.database, rowsOfFile('s', Buffer.from('boot\nready\n')));
  const [status, { code }] = await wait(api, 's', 'for=never&timeout=1');
  assert.deepEqual([status, code], [408, 'WAIT_TIMEOUT']);
  assert.equal((await wait(api, 's', 'for=ready&source=kernel&timeout=0'))[0], 408);
  assert.equal((await wait(api, 's', 'timeout=1'))[0], 400);
  const waiting = wait(api, 's', 'for=never&timeout=600');
  await insertRows(api.client, api.database, [sealRow('s', 11, 'deleted')]);
  const [ended, answer] = await waiting;
  assert.deepEqual([ended, answer.code], [410, 'LOG_ENDED']);
});

test('afterlog wait prints the line, and fails with 1 when it does not come', async (t) => {
  const api = await startApi(t);
  const environment = {
    AFTERLOG_CLICKHOUSE_URL: clickhouseUrl(),
    AFTERLOG_CLICKHOUSE_DATABASE: api.database,
  };
  const waiting = startAfterlog(['wait', 's', '--for', 'ready', '--timeout', '600', '--json'], environment);
  t.after(() => waiting.child.kill('SIGKILL'));
  await insertRows(api.client, api.database, rowsOfFile('s', Buffer.from('boot\nready\n')));
  assert.equal(await waiting.exited, 0);
  assert.equal((JSON.parse(String(waiting.output.stdout)) as { message: string }).message, 'ready');
  const late = await afterlog(['wait', 's', '--for', 'never', '--timeout', '0'], environment);
  assert.deepEqual([late.code, /WAIT_TIMEOUT/.test(late.stderr)], [1, true]);
  await insertRows(api.client, api.database, [sealRow('s', 11, 'deleted')]);
  const ended = await afterlog(['wait', 's', '--for', 'never', '--timeout', '600'], environment);
  assert.deepEqual([ended.code, /LOG_ENDED/.test(ended.stderr)], [1, true]);
});
