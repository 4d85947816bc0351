import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { setAsideIn } from '../../src/deliver/set_aside.ts';
import { createLander } from '../../src/store/land/land.ts';
import { loggableReason } from '../../src/store/refusal.ts';
import { makeBatch, newEpoch } from '../support/batches.ts';
import { migratedDatabase } from '../support/clickhouse.ts';
import { collectLog } from '../support/log.ts';
import { temporaryDir, uniqueName } from '../support/temporary.ts';
import { waitsFor } from '../support/waits_for.ts';

test('a batch that ClickHouse refuses with a row in its reason: the reason is kept beside it, not logged', async (t) => {
  const { client, database } = await migratedDatabase(t);
  await client.command({
    query: `ALTER TABLE ${database}.console_logs ADD CONSTRAINT short CHECK record != 'line' OR length(message) < 3`,
  });
  const dir = await temporaryDir(t);
  const said = collectLog(t);
  const lander = createLander(client, database, uniqueName('scope'), { setAside: setAsideIn(dir) });
  const { refused } = await lander.land([makeBatch({ epoch: newEpoch(), sequence: 1 })]);
  assert.match(refused[0]!.reason, /VIOLATED_CONSTRAINT.*line 0/, 'ClickHouse does quote the row');
  assert.match(readFileSync(globSync(`${dir}/*.reason`)[0]!, 'utf8'), /line 0/);
  assert.equal(said.filter((line) => line.includes('VIOLATED_CONSTRAINT')).length, 1);
  assert.doesNotMatch(said.join('\n'), /line 0/);
});

test('a view that throws over a row: what is waited for says so without the row', async (t) => {
  const { client, database } = await migratedDatabase(t);
  await client.command({
    query: `CREATE MATERIALIZED VIEW ${database}.picky ENGINE = Null AS
      SELECT CAST(message, 'Enum8(\\'other\\' = 1)') AS value FROM ${database}.console_logs WHERE record = 'line'`,
  });
  const said = collectLog(t);
  const lander = createLander(client, database, uniqueName('scope'));
  const landing = lander.land([makeBatch({ epoch: newEpoch(), sequence: 1 })]);
  await waitsFor(lander, /UNKNOWN_ELEMENT_OF_ENUM/);
  assert.doesNotMatch(`${said.join('\n')}${lander.status().paused}`, /line 0/);
  await client.command({ query: `DROP TABLE ${database}.picky` });
  await landing;
});

test('a reason is logged up to what a server or a block says in it', () => {
  assert.equal(loggableReason('code 117 INCORRECT_DATA: Unknown column sshd'), 'code 117 INCORRECT_DATA');
  assert.equal(
    loggableReason("A batch cannot be used: header 'rows' is missing."),
    "A batch cannot be used: header 'rows' is missing",
  );
  assert.equal(
    loggableReason('A batch cannot be decoded: column "sshd" twice.'),
    'A batch cannot be decoded: column …',
  );
});
