import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { setAsideIn } from '../../src/deliver/set_aside.ts';
import { makeBatch, newEpoch, run } from '../support/batches.ts';
import { rowsOf } from '../support/clickhouse.ts';
import { afterlog } from '../support/command.ts';
import { site } from '../support/consumer_site.ts';
import { consumed, environmentOf, objects } from '../support/dead_letters.ts';
import { gapsOf } from '../support/landed_rows.ts';
import { landedLetters, poisonBatch, poisonTable } from '../support/letters.ts';
import { temporaryDir } from '../support/temporary.ts';
import { asMessage } from '../support/topic.ts';

test('a batch on its way: refused, listed, shown, replayed, and no trace of it in the log', async (t) => {
  const here = await site(t);
  const epoch = newEpoch();
  const { mend, dlq } = await consumed(t, here, [
    ...run(epoch, 1, 1),
    poisonBatch(epoch, 2),
    ...run(epoch, 3, 3),
  ]);
  const { topic } = here.settings.kafka;

  const [entry, ...more] = objects((await dlq('--json')).stdout);
  assert.deepEqual(more, []);
  const { id, state, gap_rows, origin, host, batch, rows, bytes, fault } = entry!;
  assert.deepEqual(
    { id, state, gap_rows, origin, host, batch, rows, bytes, fault },
    {
      ...{ id: '0/0', state: 'waiting', gap_rows: 4, origin: `${topic}/0/1`, host: 'host-1' },
      ...{ batch: `host-1/${epoch}/2`, rows: 10, bytes: poisonBatch(epoch, 2).value.length, fault: null },
    },
  );
  assert.match(String(entry!.reason), /^code 469 VIOLATED_CONSTRAINT/);
  const table = (await dlq()).stdout.split('\n');
  assert.match(table[0]!, /^ID +WHEN +FROM +HOST +ROWS +SIZE +STATE +REASON$/);
  assert.match(
    table[1]!,
    new RegExp(`^0/0 +\\S+ \\S+ +${topic}/0/1 +host-1 +10 +\\d+ B +waiting +code 469.*…$`),
  );

  const shown = await dlq('show', '0/0');
  assert.match(shown.stdout, /^dead letter +0\/0, set aside /);
  assert.match(
    shown.stdout,
    /state +waiting: 4 gap rows in its place; replay it with `afterlog dlq replay 0\/0`/,
  );
  assert.match(shown.stdout, new RegExp(`headers .*batch=host-1/${epoch}/2 day=`));
  assert.match(
    shown.stdout,
    new RegExp(`\\n  sb-${epoch} console\\n        1000  .* app       poison line 10\\n`),
  );
  assert.match(
    shown.stdout,
    new RegExp(`\\n  sb-${epoch}-b console\\n        1300  ── gap: 100 bytes: a gap`),
  );
  const [object] = objects((await dlq('show', '0/0', '--json')).stdout);
  assert.equal((object!.decoded as { message: string }[])[9]!.message.startsWith('{"bytes":950'), true);

  const refused = await dlq('replay', '0/0');
  assert.deepEqual([refused.code, refused.stdout], [1, '']);
  assert.match(refused.stderr, /^0\/0 refused again, nothing changed: code 469/);
  await mend();
  const done = await dlq('replay', '0/0');
  assert.deepEqual([done.code, done.stdout], [0, '0/0 replayed: 10 rows in place of 4 gap rows.\n']);
  assert.deepEqual((await dlq('replay', '0/0')).stdout, '0/0 was replayed before: 10 rows in its place.\n');
  assert.equal(objects((await dlq('--json')).stdout)[0]!.state, 'replayed');

  const shownLog = await afterlog(['logs', `sb-${epoch}`], environmentOf(here.settings));
  assert.equal(String(shownLog.stdout).split('\n').length, 26 + 1);
  assert.doesNotMatch(String(shownLog.stdout), /gap/);
  const sandboxes = await rowsOf(
    here.client,
    `SELECT sandbox_id, gaps FROM ${here.database}.sandboxes ORDER BY sandbox_id`,
  );
  assert.deepEqual(sandboxes, [
    { sandbox_id: `sb-${epoch}`, gaps: 0 },
    { sandbox_id: `sb-${epoch}-b`, gaps: 1 },
  ]);
});

test('--all replays what can be, and names what cannot', async (t) => {
  const here = await site(t);
  const [one, two] = [newEpoch(), newEpoch() + 2048];
  const damaged = asMessage(poisonBatch(two, 2));
  damaged.headers!.crc32 = '1';
  const { mend, dlq } = await consumed(t, here, [
    ...[poisonBatch(one, 1), poisonBatch(two, 1), damaged, { value: 'hello', headers: {} }],
    ...run(two, 3, 3),
  ]);
  await mend();
  await here.client.command({
    query: `ALTER TABLE ${here.database}.console_logs ADD CONSTRAINT other CHECK batch_epoch != ${one} OR record = 'gap'`,
  });
  const first = await dlq('replay', '--all');
  assert.equal(first.code, 1);
  assert.equal(first.stdout, '0/3 replayed: 10 rows in place of 4 gap rows.\n');
  assert.match(first.stderr, /^0\/2 refused again, nothing changed: code 469 .*`other`/m);
  assert.match(first.stderr, /^ {2}1 refused again \(0\/2\): correct the reason, then replay again\.$/m);
  assert.match(
    first.stderr,
    /^1 replayed, 0 replayed before, 1 refused again, 0 not possible yet, 2 damaged or gone\.$/m,
  );
  await here.client.command({ query: `ALTER TABLE ${here.database}.console_logs DROP CONSTRAINT other` });
  const second = await dlq('replay', '--all');
  assert.equal(second.code, 1, 'damaged letters are left');
  assert.match(
    second.stderr,
    /^2 dead letters left; `afterlog dlq --state open` lists what is left:\n {2}2 damaged \(0\/0, 0\/1\): can never/m,
  );
  assert.match(
    second.stderr,
    /^1 replayed, 1 replayed before, 0 refused again, 0 not possible yet, 2 damaged/m,
  );
  assert.deepEqual(
    (await gapsOf(here.client, here.database, two)).map(({ reason }) => reason),
    ['a gap of its own', `batch 2 of host-1/${two} is missing`],
  );

  const listed = objects((await dlq('--json')).stdout);
  assert.deepEqual(
    listed.map(({ id, state, rows, batch }) => ({ id, state, rows, batch })),
    [
      { id: '0/3', state: 'replayed', rows: 10, batch: `host-1/${two}/1` },
      { id: '0/2', state: 'replayed', rows: 10, batch: `host-1/${one}/1` },
      { id: '0/1', state: 'damaged', rows: null, batch: null },
      { id: '0/0', state: 'damaged', rows: 10, batch: `host-1/${two}/2` },
    ],
  );
  const newest = await dlq('--limit', '1');
  assert.equal(newest.stdout.split('\n').length, 3);
  assert.match(newest.stderr, /^Showing the newest 1 of 4; use --limit for more\./);
  const named = await dlq('replay', '0/0');
  assert.equal(named.code, 1);
  assert.match(named.stderr, /^0\/0 cannot be replayed: .*CRC-32/);
  const shown = await dlq('show', '0/0');
  assert.match(shown.stdout, /state +damaged: it cannot be replayed\./);
  assert.match(shown.stdout, /\n {8}1000 .* poison line 10\n/, 'what decodes is shown');
  assert.match(
    (await dlq('show', '0/9')).stderr,
    /no dead letter 0\/9 in topic \S+: .* 0 to 3\. \[LETTER_UNKNOWN\]/,
  );
});

test('what direct mode refused lies in refused/ and is replayed from there, without Kafka', async (t) => {
  const here = await site(t, { kafkaBrokers: '', stateDir: await temporaryDir(t) });
  const { client, database, settings } = here;
  const dlq = (...args: string[]) => afterlog(['dlq', ...args], environmentOf(settings));
  const dir = join(settings.state_dir, 'refused');
  assert.match((await dlq()).stderr, new RegExp(`^There are no dead letters in ${dir}\\.`));
  const mend = await poisonTable(client, database);
  const epoch = newEpoch();
  const batch = poisonBatch(epoch, 1, { host: 'a-host-1' });
  const [letter] = await landedLetters(client, database, [batch]);
  await setAsideIn(dir)({ batch, reason: letter!.reason });
  const [entry] = objects(String((await dlq('--json')).stdout));
  const id = `a-host-1/${epoch}/1`;
  const path = join(dir, `a-host-1-${epoch}-1.batch`);
  assert.deepEqual(
    [entry!.id, entry!.path, entry!.state, entry!.reason],
    [id, path, 'waiting', letter!.reason],
  );
  assert.match(String((await dlq('show', id)).stdout), / 0 {2}.* app {7}poison line 0\n/);
  await mend();
  const done = await dlq('replay', id, '--json');
  assert.deepEqual(objects(String(done.stdout)), [
    { id, state: 'replayed', tried: true, rows: 10, reason: null },
  ]);
  assert.match(
    String((await dlq()).stdout),
    new RegExp(`^${id} .* refused/ +a-host-1 +10 .* replayed `, 'm'),
  );
});

test('without ClickHouse letters are listed and shown all the same', async (t) => {
  const here = await site(t, { kafkaBrokers: '', stateDir: await temporaryDir(t) });
  const batch = makeBatch({ epoch: newEpoch(), sequence: 1, text: () => '\x1b[2Jred' });
  await setAsideIn(join(here.settings.state_dir, 'refused'))({ batch, reason: 'a \x1b]0;reason\x07' });
  const environment = { ...environmentOf(here.settings), AFTERLOG_CLICKHOUSE_URL: 'http://127.0.0.1:9' };
  const listed = await afterlog(['dlq'], environment);
  assert.equal(listed.code, 0);
  assert.match(String(listed.stdout), / unknown +a$/m);
  assert.match(listed.stderr, /Cannot tell which of them were replayed: .*does not answer/);
  const shown = await afterlog(['dlq', 'show', `host-1/${batch.header.epoch}/1`], environment);
  assert.match(String(shown.stdout), / app {7}red\n/);
});
