import assert from 'node:assert/strict';
import { appendFileSync, mkdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { site } from '../support/consumer_site.ts';
import { contentOf, randomOf, writesOf } from '../support/content.ts';
import { until } from '../support/patience.ts';
import { afterlog, environmentOf, RoleProcess } from '../support/roles.ts';
import { assertReadBack, assertStoredOnceAndInOrder, sealedCount, stopMerges } from '../support/stored.ts';

const SANDBOXES = 64;
const SEED = 20_261_123;

for (const [how, flags] of [
  ['through Kafka', {}],
  ['in direct mode', { kafkaBrokers: '' }],
] as const) {
  test(`64 mixed sandboxes, all deleted while the agent runs, come back byte for byte ${how}`, (t) =>
    deleteAndReadBack(t, flags));
}

async function deleteAndReadBack(t: TestContext, flags: Record<string, unknown>): Promise<void> {
  const { settings, client, database } = await site(t, flags);
  await stopMerges(client, database);
  const env = environmentOf(settings);
  const vms = join(settings.data_dir, 'vms');
  mkdirSync(vms);
  const agent = new RoleProcess(t, ['agent'], env);
  agent.start();
  if (settings.kafka.brokers.length > 0) new RoleProcess(t, ['consumer'], env).start();
  await until(() => agent.output.includes('The agent reads'));

  const random = randomOf(SEED);
  const written = new Map<string, Buffer>();
  const live = Array.from({ length: SANDBOXES }, (_, index) => {
    const id = `sb-${index}`;
    const bytes = contentOf(index, random);
    written.set(id, bytes);
    mkdirSync(join(vms, id));
    return { id, writes: writesOf(bytes, random, 200_000) };
  });
  while (live.length > 0) {
    const one = live[Math.floor(random() * live.length)]!;
    const next = one.writes.shift();
    if (next) appendFileSync(join(vms, one.id, 'console.log'), next);
    else {
      // A log is captured from its first sight on; that takes a directory event, so nobody dies at once.
      await until(() => statSync(join(vms, one.id, 'console.log')).nlink > 1);
      rmSync(join(vms, one.id), { recursive: true });
      live.splice(live.indexOf(one), 1);
    }
    if (random() < 0.2) await sleep(1);
  }

  await until(async () => (await sealedCount(client, database)) === SANDBOXES);
  await assertReadBack(settings, written);
  await assertStoredOnceAndInOrder(client, database);
  const verified = await afterlog(env, 'verify');
  assert.match(
    String(verified.stdout),
    new RegExp(`^${SANDBOXES} streams, \\d+ rows: ${SANDBOXES} complete, 0 wrong\n`),
  );
  assert.equal(await agent.stop(), 0);
  // But for servers that a busy machine keeps from answering.
  const warnings = agent.output.split('\n').filter((line) => /"level":[456]0/.test(line));
  const serious = warnings.filter((line) => !/"code":"(KAFKA|CLICKHOUSE)_UNREACHABLE"/.test(line));
  assert.deepEqual(serious, [], 'a healthy agent warns of nothing');
}
