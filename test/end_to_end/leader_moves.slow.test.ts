import assert from 'node:assert/strict';
import { appendFileSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { PartitionMetadata } from 'kafkajs';
import { createKafka } from '../../src/kafka/client.ts';
import { rowsOf } from '../support/clickhouse.ts';
import { site } from '../support/consumer_site.ts';
import { startKafkaCluster } from '../support/kafka_cluster.ts';
import { until } from '../support/patience.ts';
import { environmentOf, RoleProcess } from '../support/roles.ts';
import { assertReadBack, assertStoredOnceAndInOrder, sealedCount, stopMerges } from '../support/stored.ts';
import { createTopics } from '../support/topic.ts';

test('leaders that are killed, and one that is moved, while data flows: every line once, in order', async (t) => {
  const cluster = await startKafkaCluster(t);
  const { settings, client, database } = await site(t, { kafkaBrokers: cluster.brokers.join(',') });
  await stopMerges(client, database);
  const { topic } = settings.kafka;
  const nearby = { ...settings, kafka: { ...settings.kafka, brokers: [cluster.controller] } };
  const admin = createKafka(nearby).admin();
  await admin.connect();
  t.after(() => admin.disconnect());
  await createTopics(admin, {
    topic,
    replicaAssignment: [{ partition: 0, replicas: [2, 3, 1] }],
    configEntries: [{ name: 'min.insync.replicas', value: '2' }],
  });
  const partition = async (): Promise<PartitionMetadata | undefined> => {
    const asked = await admin.fetchTopicMetadata({ topics: [topic] }).catch(() => null);
    return asked?.topics[0]?.partitions[0];
  };
  const leaderIsNot = (node: number) =>
    until(async () => {
      const leader = (await partition())?.leader ?? -1;
      return leader > 0 && leader !== node;
    }, `another leader than ${node}`);

  const env = environmentOf(settings);
  const folder = join(settings.data_dir, 'vms', 'sb-1');
  mkdirSync(folder, { recursive: true });
  let text = '';
  let lines = 0;
  const write = (): void => {
    const line = `line ${++lines} of a console that goes on\n`;
    appendFileSync(join(folder, 'console.log'), line);
    text += line;
  };
  write();
  const agent = new RoleProcess(t, ['agent'], env);
  const consumer = new RoleProcess(t, ['consumer'], env);
  agent.start();
  consumer.start();
  const stored = async (): Promise<number> => {
    const query = `SELECT count() AS rows FROM ${database}.console_logs WHERE record = 'line'`;
    return Number((await rowsOf<{ rows: number }>(client, query))[0]!.rows);
  };
  /** All that was written by now is stored, and what is written meanwhile follows. */
  const flows = async (): Promise<void> => {
    const [before, there] = [lines, await stored()];
    await until(
      async () => {
        write();
        const now = await stored();
        return now > before && now > there;
      },
      () => `lines after ${before}: ${agent.output}${consumer.output}`,
    );
  };

  await flows();
  for (let time = 1; time <= 2; time++) {
    const { leader } = (await partition())!;
    // The controller's node stays.
    if (leader === 1) break;
    await cluster.kill(leader);
    await leaderIsNot(leader);
    await flows();
    await cluster.start(leader);
    await until(async () => (await partition())?.isr.length === 3, 'three replicas in sync');
    await flows();
  }
  const { leader } = (await partition())!;
  const replicas = [1, 2, 3].filter((node) => node !== leader);
  await admin.alterPartitionReassignments({
    topics: [{ topic, partitionAssignment: [{ partition: 0, replicas }] }],
  });
  await leaderIsNot(leader);
  await flows();

  rmSync(folder, { recursive: true });
  await until(async () => (await sealedCount(client, database)) === 1);
  await assertReadBack(settings, new Map([['sb-1', Buffer.from(text)]]));
  await assertStoredOnceAndInOrder(client, database);
  const gaps = await rowsOf(client, `SELECT message FROM ${database}.console_logs WHERE record = 'gap'`);
  assert.deepEqual(gaps, []);
});
