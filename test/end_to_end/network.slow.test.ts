import assert from 'node:assert/strict';
import { appendFileSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { clickhouseUrl, rowsOf } from '../support/clickhouse.ts';
import { site } from '../support/consumer_site.ts';
import { randomOf } from '../support/content.ts';
import { type Fault, startFaultyNetwork, type Traffic } from '../support/faulty_network.ts';
import { kafkaBroker } from '../support/kafka.ts';
import { until } from '../support/patience.ts';
import { seed } from '../support/property.ts';
import { environmentOf, RoleProcess } from '../support/roles.ts';
import { assertReadBack, assertStoredOnceAndInOrder, sealedCount, stopMerges } from '../support/stored.ts';

const SANDBOXES = 8;
/** `TEST_STORM_S`: another length. */
const STORM_MS = Number(process.env.TEST_STORM_S ?? 60) * 1_000;
/** One fault in so many answers and requests. */
const FAULT_ONE_OF = 12;
/** Each silent connection costs the time of a request. */
const SILENT_ONE_OF = 40;
/** A calm after each spell of faults: else nothing would ever arrive whole. */
const SPELL_MS = 3_000;
const CALM_MS = 2_000;

/** One fault in `one_of` pieces, in spells. */
function stormOf(random: () => number, one_of: number, start_ms: number): (traffic: Traffic) => Fault | null {
  const below = (bound: number): number => Math.floor(random() * bound);
  return ({ bytes }) => {
    if ((performance.now() - start_ms) % (SPELL_MS + CALM_MS) > SPELL_MS) return null;
    if (below(one_of) > 0) return null;
    const kinds = ['delayed', 'closed', 'reset', 'half_closed'] as const;
    const how = below(SILENT_ONE_OF) === 0 ? 'silent' : kinds[below(kinds.length)]!;
    return { after: below(bytes.length + 1), how, delay_ms: how === 'delayed' ? below(500) : 0 };
  };
}

test('a storm of cuts, resets, half-closed and silent connections to Kafka and ClickHouse: every byte once, no role ends', async (t) => {
  const { settings, client, database } = await site(t);

  await stopMerges(client, database);
  const random = randomOf(seed);
  const kafka = await startFaultyNetwork(t, kafkaBroker(), true);
  const clickhouse = await startFaultyNetwork(t, new URL(clickhouseUrl()).host, false);
  const url = new URL(clickhouseUrl());
  url.host = clickhouse.address;
  const env = {
    ...environmentOf(settings),
    AFTERLOG_KAFKA_BROKERS: kafka.address,
    AFTERLOG_CLICKHOUSE_URL: url.href,
  };
  const vms = join(settings.data_dir, 'vms');
  const written = new Map<string, Buffer>();
  const write = (sandbox: string, text: string): void => {
    appendFileSync(join(vms, sandbox, 'console.log'), text);
    written.set(sandbox, Buffer.concat([written.get(sandbox) ?? Buffer.alloc(0), Buffer.from(text)]));
  };
  const sandboxes = Array.from({ length: SANDBOXES }, (_, index) => `sb-${index}`);
  for (const sandbox of sandboxes) {
    mkdirSync(join(vms, sandbox), { recursive: true });
    write(sandbox, `${sandbox} starts\n`);
  }
  const agent = new RoleProcess(t, ['agent'], env);
  const consumer = new RoleProcess(t, ['consumer'], env);
  agent.start();
  consumer.start();
  const told = (): string => `agent:\n${agent.output}\nconsumer:\n${consumer.output}`;
  const stored = async (): Promise<number> => {
    const [row] = await rowsOf<{ rows: number }>(
      client,
      `SELECT count() AS rows FROM ${database}.console_logs`,
    );
    return Number(row!.rows);
  };
  await until(async () => (await stored()) >= SANDBOXES, told);

  const start_ms = performance.now();
  kafka.fault = stormOf(random, FAULT_ONE_OF, start_ms);
  clickhouse.fault = stormOf(random, FAULT_ONE_OF, start_ms);
  for (let round = 0; performance.now() - start_ms < STORM_MS; round++) {
    for (const sandbox of sandboxes) write(sandbox, `${sandbox} round ${round} ${'x'.repeat(200)}\n`);
    assert.ok(agent.isRunning && consumer.isRunning, told());
    await sleep(50);
  }
  t.diagnostic(
    `${kafka.met} faults of Kafka, ${clickhouse.met} of ClickHouse, ${await stored()} rows stored at the end of the storm`,
  );
  const healed_ms = performance.now();
  kafka.heal();
  clickhouse.heal();
  for (const sandbox of sandboxes) rmSync(join(vms, sandbox), { recursive: true });
  await until(async () => {
    assert.ok(agent.isRunning && consumer.isRunning, told());
    return (await sealedCount(client, database)) === SANDBOXES;
  }, told);
  t.diagnostic(`all stored ${Math.round(performance.now() - healed_ms)} ms after the storm`);
  await assertReadBack(settings, written);
  await assertStoredOnceAndInOrder(client, database);
  const gaps = await rowsOf(client, `SELECT message FROM ${database}.console_logs WHERE record = 'gap'`);
  assert.deepEqual(gaps, [], told());
  assert.doesNotMatch(told(), /ROLE_FAULT/, 'no role started anew');
});
