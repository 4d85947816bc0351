import assert from 'node:assert/strict';
import { appendFileSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { createKafka } from '../../src/kafka/client.ts';
import { TopicReader } from '../../src/kafka/topic_reader.ts';
import { batchId, fromKafka } from '../../src/wire/header.ts';
import type { Site } from '../support/clickhouse.ts';
import { rowsOf } from '../support/clickhouse.ts';
import { site } from '../support/consumer_site.ts';
import { startKafkaProxy } from '../support/kafka_proxy.ts';
import { until } from '../support/patience.ts';
import { afterlog, environmentOf, RoleProcess } from '../support/roles.ts';
import { assertStoredOnceAndInOrder, sealedCount, stopMerges } from '../support/stored.ts';
import { temporaryDir } from '../support/temporary.ts';

/** A sandbox whose console grows line by line. */
class Console {
  readonly id: string;
  text = '';
  private readonly folder: string;

  constructor(dataDir: string, id: string) {
    this.id = id;
    this.folder = join(dataDir, 'vms', id);
    mkdirSync(this.folder, { recursive: true });
  }

  write(lines: number): void {
    for (let line = 0; line < lines; line++) {
      const text = `${this.id} line ${this.text.length}\n`;
      appendFileSync(join(this.folder, 'console.log'), text);
      this.text += text;
    }
  }

  delete(): void {
    rmSync(this.folder, { recursive: true });
  }
}

/** Ids of the batches in the topic, in the order in which they stand there. */
async function idsInTopic({ settings }: Site): Promise<string[]> {
  const { topic } = settings.kafka;
  const reader = await TopicReader.open(createKafka(settings), topic);
  const ids: string[] = [];
  for (const { partition, low, high } of await reader.ends()) {
    for await (const { message } of reader.read(partition, low, high)) {
      ids.push(batchId(fromKafka(message.headers, message.value).header));
    }
  }
  await reader.close();
  return ids;
}

/** Every console is there as it was written, sealed, once; no row says that something is missing. */
async function assertWhole({ settings, client, database }: Site, consoles: Console[]): Promise<void> {
  await until(async () => (await sealedCount(client, database)) === consoles.length);
  for (const { id, text } of consoles) {
    const { stdout, stderr } = await afterlog(environmentOf(settings), 'logs', id, '--raw');
    assert.equal(String(stdout), text, stderr);
  }
  await assertStoredOnceAndInOrder(client, database);
  assert.deepEqual(
    await rowsOf(client, `SELECT message FROM ${database}.console_logs WHERE record = 'gap'`),
    [],
  );
}

async function started(t: TestContext) {
  const one = await site(t);
  await stopMerges(one.client, one.database);
  const proxy = await startKafkaProxy(t);
  const env = environmentOf(one.settings);
  const agent = new RoleProcess(t, ['agent'], { ...env, AFTERLOG_KAFKA_BROKERS: proxy.broker });
  new RoleProcess(t, ['consumer'], env).start();
  const stored = async (): Promise<number> => {
    const count = `SELECT count() AS rows FROM ${one.database}.console_logs WHERE record = 'line'`;
    return Number((await rowsOf<{ rows: number }>(one.client, count))[0]!.rows);
  };
  return { ...one, proxy, agent, env, stored };
}

test('answers that are lost after the broker appended: batches stand twice in the topic, and once in the table', async (t) => {
  const one = await started(t);
  const { proxy, agent, stored } = one;
  const console = new Console(one.settings.data_dir, 'sb-1');
  agent.start();
  console.write(5);
  await until(async () => (await stored()) === 5);
  for (let time = 1; time <= 3; time++) {
    proxy.fate = 'unanswered';
    console.write(5);
    await until(() => proxy.met >= 2 * time);
    proxy.fate = 'passed';
    await until(async () => (await stored()) === 5 + 5 * time);
  }
  console.delete();
  await assertWhole(one, [console]);
  const ids = await idsInTopic(one);
  assert.ok(ids.length - new Set(ids).size >= 3, `the topic holds batches twice: ${ids.join()}`);
});

test('a request that comes to the broker after its agent was killed and the next one had sent on: skipped', async (t) => {
  const one = await started(t);
  const { proxy, agent, stored } = one;
  const console = new Console(one.settings.data_dir, 'sb-1');
  agent.start();
  console.write(5);
  await until(async () => (await stored()) === 5);
  proxy.fate = 'held';
  console.write(5);
  await until(() => proxy.met > 0);
  await agent.kill();
  // The next agent sends it again, and goes on.
  proxy.fate = 'passed';
  agent.start();
  console.write(5);
  await until(async () => (await stored()) === 15);
  await proxy.release();
  console.write(5);
  await until(async () => (await stored()) === 20);
  console.delete();
  await assertWhole(one, [console]);
  const ids = await idsInTopic(one);
  assert.ok(new Set(ids).size < ids.length, 'it came, and it came late');
});

test('two agents with one host name, on machines of their own: nothing of one is taken for the other’s', async (t) => {
  const one = await started(t);
  const consoles: Console[] = [];
  for (const name of ['a', 'b']) {
    const dataDir = await temporaryDir(t);
    consoles.push(new Console(dataDir, `sb-${name}`));
    const env = { ...one.env, AFTERLOG_DATA_DIR: dataDir, AFTERLOG_STATE_DIR: join(dataDir, 'state') };
    const agent = new RoleProcess(t, ['agent'], env);
    agent.start();
    if (name === 'b') {
      // One of them is killed in the middle.
      consoles[1]!.write(5);
      await until(async () => (await one.stored()) > 0);
      await agent.kill();
      agent.start();
    }
  }
  for (let round = 1; round <= 10; round++) {
    for (const console of consoles) console.write(3);
    if (round % 5 === 0) await until(async () => (await one.stored()) === 5 + round * 6);
  }
  for (const console of consoles) console.delete();
  await assertWhole(one, consoles);
});
