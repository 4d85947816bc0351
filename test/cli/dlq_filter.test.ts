import assert from 'node:assert/strict';
import { test } from 'node:test';
import { makeBatch, newEpoch } from '../support/batches.ts';
import { site } from '../support/consumer_site.ts';
import { consumed, objects } from '../support/dead_letters.ts';
import { poisonBatch } from '../support/letters.ts';

test('letters are filtered by reason, host, sandbox, partition, time and state, and counted by reason', async (t) => {
  const here = await site(t);
  const [one, two] = [newEpoch(), newEpoch() + 2048];
  const { mend, dlq } = await consumed(t, here, [
    poisonBatch(one, 1),
    poisonBatch(two, 1, { host: 'host-2' }),
    { value: 'hello \x1b[2J', headers: { batch: '\x1b]0;x\x07/1/1' } },
    makeBatch({ epoch: one, sequence: 2 }),
  ]);
  const of = async (...args: string[]) => {
    const { stdout } = await dlq('--json', ...args);
    return stdout === '' ? [] : objects(stdout).map(({ batch, host }) => batch ?? host);
  };
  const [first, second] = [`host-1/${one}/1`, `host-2/${two}/1`];
  assert.deepEqual((await of('--reason', 'violated')).toSorted(), [first, second]);
  assert.deepEqual(await of('--reason', 'BATCH_DAMAGED', '--reason', 'poison-not-there'), []);
  assert.equal((await of('--reason', 'batch_damaged')).length, 1);
  assert.deepEqual(await of('--host', 'host-2'), [second]);
  assert.deepEqual(await of('--sandbox', `sb-${one}-b`), [first]);
  assert.equal((await of('--partition', '0')).length, 3);
  assert.deepEqual(await of('--partition', '1'), []);
  assert.equal((await of('--since', '1h')).length, 3);
  assert.deepEqual(await of('--until', '1h'), []);
  assert.deepEqual((await of('--state', 'waiting', '--limit', '1')).length, 1);
  assert.match((await dlq('--state', 'waiting', '--limit', '1')).stderr, /newest 1 of 2; use --limit/);
  assert.match((await dlq('--sandbox', 'none')).stderr, /^Not shown: 1 dead letter whose rows cannot be/m);
  assert.equal((await dlq('--state', 'lost')).code, 2);

  await mend();
  await dlq('replay', '--all');
  const counts = objects((await dlq('--count', '--json')).stdout);
  assert.deepEqual(
    counts.map(({ reason, letters, open, rows }) => ({ reason, letters, open, rows })),
    [
      { reason: 'BATCH_DAMAGED', letters: 1, open: 1, rows: 0 },
      { reason: 'VIOLATED_CONSTRAINT', letters: 2, open: 0, rows: 20 },
    ],
  );
  const table = (await dlq('--count', '--host', 'host-2')).stdout;
  assert.match(table, /^LETTERS +OPEN +ROWS +SIZE +LAST +REASON\n +1 +0 +10 .* VIOLATED_CONSTRAINT\n$/);
  const shown = (await dlq()).stdout;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: nothing raw
  assert.doesNotMatch(shown, /[\x1b\x07]/);
});
