import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { eventsOf } from '../support/api.ts';
import { clickhouseUrl, migratedDatabase } from '../support/clickhouse.ts';
import { until } from '../support/patience.ts';
import { askUntil, put, startReleasedServer } from '../support/released_server.ts';
import { insertRows, rowsOfFile } from '../support/rows.ts';
import { sha256 } from '../support/sha256.ts';
import { temporaryDir } from '../support/temporary.ts';

test('whoever stole a token reads no more once it is gone from the file, also not in a log that he follows', async (t) => {
  const { client, database } = await migratedDatabase(t);
  await insertRows(client, database, rowsOfFile('sb-1', Buffer.from('one\n')));
  const file = join(await temporaryDir(t), 'tokens');
  writeFileSync(file, `${sha256('stolen')}\n${sha256('kept')}\n`);
  const { server, get, status } = await startReleasedServer(t, {
    AFTERLOG_CLICKHOUSE_URL: clickhouseUrl(),
    AFTERLOG_CLICKHOUSE_DATABASE: database,
    AFTERLOG_TOKENS_FILE: file,
  });
  const follow = async (token: string) => eventsOf(await get('/v1/sandboxes/sb-1/logs?follow=1', token));
  const stolen = await follow('stolen');
  const kept = await follow('kept');
  for (const events of [stolen, kept]) assert.equal((await events.next()).value!.data, 'one');
  let isOver = false;
  void stolen.next().then(
    ({ done }) => (isOver = done === true),
    () => (isOver = true),
  );
  put(file, `${sha256('kept')}\n${sha256('new')}:::alice\n`);
  assert.equal(await askUntil(401, () => status('stolen')), 401, 'the stolen token reads on');
  await until(
    () => isOver,
    () => `the end of its follow: ${server.output}`,
  );
  assert.deepEqual([await status('kept'), await status('new')], [200, 200]);
  await insertRows(client, database, rowsOfFile('sb-1', Buffer.from('two\n'), {}, 4));
  assert.equal((await kept.next()).value!.data, 'two', 'the other follow goes on');
  await kept.return(undefined);
  assert.match(server.output, /"changed":\["tokens"\],"tokens":2,"answers_cut":[12]/);
  assert.doesNotMatch(server.output, new RegExp(sha256('kept')));
});
