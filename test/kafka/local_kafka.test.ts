import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { Kafka, logLevel } from 'kafkajs';
import { startLocalKafka } from '../../src/kafka/local_kafka.ts';
import { assertEndsWithParent } from '../support/ends_with_parent.ts';
import { temporaryDir } from '../support/temporary.ts';
import { offsetsOf } from '../support/topic.ts';

test('messages that were acknowledged are there after SIGKILL and a start on another port', async (t) => {
  const dir = await temporaryDir(t);
  const first = await startLocalKafka({ dir });
  t.after(() => first.stop());
  const producer = client(first.broker).producer();
  await producer.connect();
  await producer.send({ topic: 'kept', messages: [{ value: 'a', partition: 3 }] });
  await producer.disconnect();
  first.kill();
  assert.equal(await first.exited, null);

  const again = await startLocalKafka({ dir });
  t.after(() => again.stop());
  const admin = client(again.broker).admin();
  await admin.connect();
  t.after(() => admin.disconnect());
  const offsets = await offsetsOf(admin, 'kept');
  assert.deepEqual(offsets.map(({ partition, high }) => `${partition}:${high}`).sort(), [
    '0:0',
    '1:0',
    '2:0',
    '3:1',
  ]);
});

test('a port that is taken is named', async (t) => {
  const other = createServer().listen(0, '127.0.0.1');
  t.after(() => other.close());
  await once(other, 'listening');
  const { port } = other.address() as { port: number };
  await assert.rejects(startLocalKafka({ dir: await temporaryDir(t), port }), {
    code: 'KAFKA_LOCAL_FAILED',
    message: new RegExp(`port ${port}, which is in use`),
  });
});

test('it ends when its parent is killed', async (t) => {
  const module = join(import.meta.dirname, '../../src/kafka/local_kafka.ts');
  await assertEndsWithParent(module, 'startLocalKafka', await temporaryDir(t));
});

test('without Java the one line that mends it is named', async (t) => {
  const before = process.env.PATH;
  process.env.PATH = await temporaryDir(t);
  t.after(() => {
    process.env.PATH = before;
  });
  await assert.rejects(startLocalKafka({ dir: await temporaryDir(t) }), {
    code: 'JAVA_MISSING',
    cure: /apt-get install -y default-jre-headless maven/,
  });
});

const client = (broker: string): Kafka =>
  new Kafka({ brokers: [broker], logLevel: logLevel.NOTHING, retry: { retries: 10, initialRetryTime: 100 } });
