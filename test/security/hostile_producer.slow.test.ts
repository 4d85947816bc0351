import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import type { Message } from 'kafkajs';
import { createKafka } from '../../src/kafka/client.ts';
import { type Batch, toKafkaHeaders } from '../../src/wire/header.ts';
import { type Column, makeBatch, newEpoch, run, seal, today } from '../support/batches.ts';
import { rowsOf } from '../support/clickhouse.ts';
import { site } from '../support/consumer_site.ts';
import { until } from '../support/patience.ts';
import { releasedRole } from '../support/released.ts';
import type { RoleProcess } from '../support/roles.ts';
import { asMessage, makeTopic, offsetsOf, type Topic } from '../support/topic.ts';

/**
 * One host is compromised: it may write anything to the topic. Batches are not signed. The released consumer
 * reads it.
 */
const VICTIM = 'victim';
const ATTACKER = 'attacker';

interface Attack {
  topic: Topic;
  consumer: RoleProcess;
  epoch: number;
  /** Batches of the victim. */
  honest(from: number, to: number): Batch[];
  /** Returns when the consumer has read all messages, or is stuck. */
  read(messages: number): Promise<void>;
  /** Sequences of the victim's lines that are stored. */
  stored(): Promise<number[]>;
  count(where: string): Promise<number>;
  /** The number of dead letters. */
  letters(): Promise<number>;
}

async function attacked(t: TestContext): Promise<Attack> {
  const { settings, client, database } = await site(t);
  const topic = await makeTopic(t, settings);
  const consumer = releasedRole(t, ['consumer'], {
    AFTERLOG_KAFKA_BROKERS: settings.kafka.brokers.join(','),
    AFTERLOG_KAFKA_TOPIC: settings.kafka.topic,
    AFTERLOG_KAFKA_GROUP: settings.kafka.group,
    AFTERLOG_CLICKHOUSE_URL: settings.clickhouse.url!,
    AFTERLOG_CLICKHOUSE_DATABASE: database,
    AFTERLOG_CONSUMER_LISTEN: '127.0.0.1:0',
  });
  const epoch = newEpoch() + 2_048_000;
  const admin = createKafka(settings).admin();
  await admin.connect();
  t.after(() => admin.disconnect());
  return {
    ...{ topic, consumer, epoch },
    honest: (from, to) => run(epoch, from, to, { host: VICTIM }),
    async read(messages) {
      if (!consumer.isRunning) consumer.start();
      const isStuck = (): boolean =>
        !consumer.isRunning ||
        /batches wait|afterlog migrate|cannot be consumed/.test(consumer.output) ||
        joins(consumer) > 1;
      await until(async () => isStuck() || (await topic.committed()) === messages);
    },
    async stored() {
      const rows = await rowsOf<{ n: string }>(
        client,
        `SELECT DISTINCT toString(batch_sequence) AS n FROM ${database}.console_logs
         WHERE record = 'line' AND host = '${VICTIM}' AND batch_epoch = ${epoch} ORDER BY batch_sequence`,
      );
      return rows.map(({ n }) => Number(n));
    },
    async count(where) {
      const [row] = await rowsOf<{ n: string }>(
        client,
        `SELECT toString(count()) AS n FROM ${database}.console_logs WHERE ${where}`,
      );
      return Number(row!.n);
    },
    async letters() {
      const name = `${settings.kafka.topic}-dlq`;
      if (!(await admin.listTopics()).includes(name)) return 0;
      return (await offsetsOf(admin, name)).reduce((sum, { high }) => sum + Number(high), 0);
    },
  };
}

/** How often the consumer became a member of its group. */
const joins = ({ output }: RoleProcess): number => output.match(/Partitions were assigned/g)?.length ?? 0;

/** A message whose headers and checksums are right for any block. */
const forged = (block: Buffer, more: Partial<Batch['header']>, key = VICTIM): Message => ({
  ...asMessage(
    seal(
      { ...makeBatch({ epoch: 1, sequence: 1 }).header, host: key, block_bytes: block.length, ...more },
      zstdCompressSync(block),
    ),
  ),
  key,
});

const withColumn =
  (name: string, value: Column['values'][number]) =>
  (columns: Column[]): Column[] =>
    columns.map((column) =>
      column.name === name ? { ...column, values: column.values.map(() => value) } : column,
    );

test('a huge sequence in the name of a host skips none of its batches', async (t) => {
  const attack = await attacked(t);
  const { topic, epoch, honest } = attack;
  const sequence = 2 ** 52;
  const bytes = forged(Buffer.from('16 bytes of junk'), { epoch, sequence });
  const consistent = makeBatch({ epoch, sequence: sequence + 1, host: VICTIM });
  await topic.send([...honest(1, 1), bytes, consistent, ...honest(2, 6)]);
  await attack.read(8);
  assert.deepEqual(await attack.stored(), [1, 2, 3, 4, 5, 6], 'the lines of the victim are stored');
  assert.equal(await attack.letters(), 2);
});

test('a new epoch in the name of a host begins with its first batch', async (t) => {
  const attack = await attacked(t);
  const { topic, epoch, honest } = attack;
  await topic.send([...run(epoch - 2048, 1, 1, { host: VICTIM })]);
  await attack.read(1);
  await attack.consumer.kill();
  attack.consumer.output = '';
  await topic.send([makeBatch({ epoch, sequence: 100, host: VICTIM }), ...honest(1, 3)]);
  await attack.read(5);
  assert.deepEqual(await attack.stored(), [1, 2, 3], 'the lines of the victim are stored');
});

test('no block stops a partition: each is set aside once, and the others land', async (t) => {
  const attack = await attacked(t);
  const { topic, epoch, honest } = attack;
  const hostile = [
    // 0 columns and 4e9 rows.
    forged(Buffer.from('0080d0acf30e', 'hex'), { epoch, sequence: 2, rows: 4_000_000_000 }),
    // A schema that no version will ever have.
    asMessage(
      makeBatch({ host: ATTACKER, epoch: epoch + 2048, sequence: 1, schema: Number.MAX_SAFE_INTEGER }),
    ),
    // A right head, and nothing behind it.
    forged(
      zstdDecompressSync(makeBatch({ host: ATTACKER, epoch: epoch + 4096, sequence: 1 }).value).subarray(
        0,
        900,
      ),
      {
        ...makeBatch({ host: ATTACKER, epoch: epoch + 4096, sequence: 1 }).header,
        block_bytes: 900,
      },
      ATTACKER,
    ),
  ];
  await topic.send([...honest(1, 1), ...hostile, ...honest(2, 4)]);
  await attack.read(7);
  assert.deepEqual(await attack.stored(), [1, 2, 3, 4], 'the lines of the victim are stored');
  assert.equal(await attack.letters(), hostile.length);
});

test('30 million empty strings in some kilobytes do not hold up a consumer', async (t) => {
  const attack = await attacked(t);
  const { topic, epoch, honest } = attack;
  const varint = (value: number): number[] =>
    value < 128 ? [value] : [(value & 127) | 128, ...varint(value >>> 7)];
  const text = (value: string): number[] => [value.length, ...Buffer.from(value)];
  const rows = 30_000_000;
  const head = Buffer.from([1, ...varint(rows), ...text('no_column'), ...text('String')]);
  const bomb = (sequence: number): Message =>
    forged(
      Buffer.concat([head, Buffer.alloc(rows)]),
      { host: ATTACKER, epoch: epoch + 2048, sequence, rows },
      ATTACKER,
    );
  await topic.send([...honest(1, 1), ...[1, 2, 3, 4].map(bomb), ...honest(2, 3)]);
  await attack.read(7);
  assert.deepEqual(await attack.stored(), [1, 2, 3], 'the lines of the victim are stored');
  // Each is decoded within a bound, so that the group never counts the consumer as dead.
  assert.equal(joins(attack.consumer), 1);
  assert.equal(await attack.count("host = 'attacker' AND record = 'line'"), 0);
});

test('a host stores no rows of another host', async (t) => {
  const attack = await attacked(t);
  const { topic, epoch, honest } = attack;
  const own = { host: ATTACKER, epoch: epoch + 2048 };
  const at = (sequence: number, name: string, value: string | number): Message =>
    asMessage(makeBatch({ ...own, sequence, sandbox_id: 'of-the-victim', spoil: withColumn(name, value) }));
  const block = (batch: Batch): Buffer => zstdDecompressSync(batch.value);
  const two = Buffer.concat([
    block(makeBatch({ ...own, sequence: 5 })),
    block(makeBatch({ host: VICTIM, epoch, sequence: 9, sandbox_id: 'of-the-victim' })),
  ]);
  const { header } = makeBatch({ ...own, sequence: 5 });
  const foreign = makeBatch({ host: VICTIM, epoch, sequence: 2, sandbox_id: 'of-the-victim' });
  await topic.send([
    ...honest(1, 1),
    at(1, 'host', VICTIM),
    at(2, 'batch_epoch', epoch),
    at(3, 'batch_sequence', 2 ** 50),
    at(4, 'ingest_day', today() - 1),
    { ...asMessage(seal({ ...header, block_bytes: two.length }, zstdCompressSync(two))) },
    { key: ATTACKER, value: foreign.value, headers: toKafkaHeaders(foreign.header) },
    ...honest(2, 3),
  ]);
  await attack.read(9);
  assert.deepEqual(await attack.stored(), [1, 2, 3], 'the lines of the victim are stored');
  assert.equal(await attack.count("sandbox_id = 'of-the-victim'"), 0);
  assert.equal(await attack.letters(), 6);
});
