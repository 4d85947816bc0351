import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { test } from 'node:test';
import { startConsumer } from '../../src/consume/consumer.ts';
import { type Column, newEpoch, run } from '../support/batches.ts';
import { rowsOf } from '../support/clickhouse.ts';
import { afterlog } from '../support/command.ts';
import { site } from '../support/consumer_site.ts';
import { withoutMerges } from '../support/letters.ts';
import { until } from '../support/patience.ts';
import { environmentOf } from '../support/roles.ts';
import { makeTopic } from '../support/topic.ts';

/** Every crash point of erasing that is in the source, so that none is forgotten here. */
function crashPoints(): string[] {
  const src = resolve(import.meta.dirname, '../../src');
  const names = globSync('**/*.ts', { cwd: src }).flatMap((file) =>
    [...readFileSync(join(src, file), 'utf8').matchAll(/crashPoint\('(erase\.[a-z_]+)'\)/g)].map(
      (match) => match[1]!,
    ),
  );
  return [...new Set(names)];
}

/** Lines that stand for a crash: their title is kept in a table of its own. */
const marked = (columns: Column[]): Column[] => {
  const texts = (name: string, text: string): Column => ({
    name,
    type: 'String',
    values: columns[0]!.values.map(() => text),
  });
  return [...columns, texts('event', 'kernel.panic'), texts('title', 'a secret')];
};

test('killed at any of its steps, and with the topic read again from its start each time, an erase ends right', async (t) => {
  const { settings, client, database } = await site(t);
  // What stands twice is seen, but for what a deletion writes anew.
  await withoutMerges(client, database);
  const topic = await makeTopic(t, settings);
  const points = crashPoints();
  assert.ok(points.length >= 4, points.join());
  let sent = 0;
  /** All that is in the topic, by a consumer that looks where it is. */
  const consumed = async (): Promise<void> => {
    const consumer = await startConsumer(settings);
    try {
      await until(async () => (await topic.committed()) === sent, `${sent} to be committed`);
    } finally {
      await consumer.stop();
    }
  };
  const linesOf = async (sandbox_id: string): Promise<number> => {
    const query = `SELECT toUInt32(count()) AS lines FROM ${database}.console_logs WHERE record = 'line' AND sandbox_id = '${sandbox_id}'`;
    return (await rowsOf<{ lines: number }>(client, query))[0]!.lines;
  };
  const marksOf = async (sandbox_id: string) =>
    rowsOf(client, `SELECT title FROM ${database}.marks WHERE sandbox_id = '${sandbox_id}' AND title != ''`);
  const erase = (id: string, environment: Record<string, string> = {}) =>
    afterlog(['erase', id, '--yes', '--json'], { ...(environmentOf(settings) as object), ...environment });

  const gone: string[] = [];
  for (const point of points) {
    const epoch = newEpoch();
    const [mine, other] = [`mine-${point}`, `other-${point}`];
    // The highest batches of the agent's run are of nobody else.
    const batches = [
      ...run(epoch, 1, 2, { sandbox_id: other }),
      ...run(epoch, 3, 5, { sandbox_id: mine, spoil: marked }),
    ];
    await topic.send(batches);
    sent += batches.length;
    await consumed();
    assert.equal(await linesOf(mine), 30);
    const killed = await erase(mine, { TEST_CRASH_AT: point });
    assert.equal(killed.code, null, `${point} is reached: ${killed.stderr}`);
    await topic.setOffset(0);
    await consumed();
    assert.ok([0, 30].includes(await linesOf(mine)), `${point}: nothing is there twice, or in part`);
    // A slow ClickHouse goes on behind a command that has waited long enough.
    let said = '';
    await until(
      async () => {
        const again = await erase(mine);
        said = again.stderr;
        return again.code === 0;
      },
      () => `an erase that is done: ${said}`,
    );
    gone.push(mine);
    await topic.setOffset(0);
    await consumed();
    for (const id of gone) {
      assert.equal(await linesOf(id), 0, `${point}: lines of ${id}`);
      assert.deepEqual(await marksOf(id), [], `${point}: marks of ${id}`);
      assert.equal(await linesOf(id.replace('mine', 'other')), 20, `${point}: of others`);
    }
  }
  await topic.forgetGroup();
  await consumed();
  for (const id of gone) assert.equal(await linesOf(id), 0, id);
  const missing = `SELECT reason FROM ${database}.gaps WHERE reason NOT LIKE 'erased on request%'`;
  assert.deepEqual(await rowsOf(client, missing), [], 'no batch is called missing');
  const verified = await afterlog(['verify', '--json'], environmentOf(settings) as Record<string, string>);
  const verdicts = String(verified.stdout)
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { sandbox_id: string; verdict: string })
    .filter(({ sandbox_id }) => sandbox_id.startsWith('mine'));
  assert.deepEqual(
    verdicts.map(({ verdict }) => verdict),
    gone.map(() => 'erased'),
  );
});
