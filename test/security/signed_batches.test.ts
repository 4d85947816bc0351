import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { crc32 } from 'node:zlib';
import type { Message } from 'kafkajs';
import type { Batch } from '../../src/wire/header.ts';
import { type Column, makeBatch, nativeBlock, newEpoch, seal } from '../support/batches.ts';
import { rowsOf } from '../support/clickhouse.ts';
import { site } from '../support/consumer_site.ts';
import { until } from '../support/patience.ts';
import { releasedRole, runReleased } from '../support/released.ts';
import { environmentOf } from '../support/roles.ts';
import { testMaster } from '../support/signing.ts';
import { asMessage, makeTopic, readTopic } from '../support/topic.ts';

const VICTIM = 'victim';
const ATTACKER = 'attacker';
const master = testMaster();

/** A batch of the victim: `text` in one row. Its frame holds the block as it is, so that its bytes can be changed. */
function victimBatch(epoch: number, sequence: number, text: string) {
  let columns: Column[] = [];
  const made = makeBatch({
    ...{ host: VICTIM, epoch, sequence, rows: 1, text: () => text },
    spoil: (found) => {
      columns = found;
      return found;
    },
  });
  return seal(made.header, rawFrame(nativeBlock(columns)));
}

/** One zstd frame with one block that is not compressed. */
function rawFrame(block: Buffer): Buffer {
  const head = Buffer.alloc(12);
  head.writeUInt32LE(0xfd2fb528, 0);
  head.writeUInt8(0xa0, 4);
  head.writeUInt32LE(block.length, 5);
  head.writeUIntLE((block.length << 3) | 1, 9, 3);
  return Buffer.concat([head, block]);
}

const honest = (topic: string, epoch: number, sequence: number): Message =>
  master.signed(topic, victimBatch(epoch, sequence, `honest ${sequence}`));

/**
 * The messages of an attacker who may produce, has read the topic, and has the key of his own host.
 * @param sent the victim's own batch 2
 */
function attacks(topic: string, epoch: number, sent: Message): Record<string, Message> {
  const changed = Buffer.from(sent.value as Buffer);
  changed.write('STOLEN', changed.indexOf('honest'));
  const withHeaders = (more: Message['headers'], value = sent.value): Message => ({
    ...sent,
    value,
    headers: { ...sent.headers, ...more },
  });
  const forged = victimBatch(epoch, 2, 'STOLEN');
  const withSignatureOfSent = (batch: Batch): Message => {
    const message = master.signed(topic, batch);
    return { ...message, headers: { ...message.headers, signature: sent.headers!.signature! } };
  };
  return {
    'signed with the key of another host': master.signed(topic, forged, { by: ATTACKER }),
    'signed with a master key of the attacker’s own': testMaster().signed(topic, forged),
    'signed for another topic': master.signed(`${topic}-2`, forged),
    'signed for another partition': master.signed(topic, forged, { partition: 1 }),
    'with the signature of another batch': withSignatureOfSent(forged),
    'with that of another sequence': withSignatureOfSent(victimBatch(epoch, 3, 'STOLEN')),
    'with bytes changed under a CRC-32 made again': withHeaders({ crc32: String(crc32(changed)) }, changed),
    'with another day': withHeaders({ day: '2026-01-01' }),
    'with another schema': withHeaders({ schema: '0' }),
    'with another count of rows': withHeaders({ rows: '2' }),
    'with another size of the block': withHeaders({ block: '1' }),
    'with a header more': withHeaders({ more: 'x' }),
    'with half a signature': withHeaders({ signature: String(sent.headers!.signature).slice(0, -1) }),
  };
}

/** Settings that this version has; one without them has no defense. */
async function defended(mode: string): Promise<Record<string, string>> {
  const { stdout } = await runReleased(['config', '--json']);
  if (!String(stdout).includes('kafka.batch_key')) return {};
  return { AFTERLOG_KAFKA_BATCH_KEY: master.text, AFTERLOG_KAFKA_BATCH_SIGNATURES: mode };
}

/** The released consumer, on an installation of the test's own. */
async function started(t: TestContext, mode: string, partitions = 1) {
  const { settings, client, database } = await site(t);
  const topic = await makeTopic(t, settings, partitions);
  const own = Object.entries(environmentOf(settings)).filter(([name]) => name.startsWith('AFTERLOG_'));
  const environment = { ...(Object.fromEntries(own) as Record<string, string>), ...(await defended(mode)) };
  const consumer = releasedRole(t, ['consumer'], environment);
  consumer.start();
  return {
    topic,
    name: settings.kafka.topic,
    landed: (offset: number, partition = 0) =>
      until(
        async () => (await topic.committed(partition)) === offset,
        () => consumer.output,
      ),
    stored: async () => {
      const query = `SELECT message FROM ${database}.console_logs WHERE host = '${VICTIM}' AND record = 'line'`;
      const rows = await rowsOf<{ message: string }>(client, `${query} ORDER BY batch_sequence, message`);
      return rows.map(({ message }) => message);
    },
    reasons: async (count: number) => {
      const letters = await readTopic(settings, `${settings.kafka.topic}-dlq`, count);
      return letters.map(({ headers }) => String(headers!['dlq-reason']));
    },
  };
}

const ALL = 'what the host itself sent is stored, once, and nothing else';

test('a producer with the key of another host cannot speak for a host, nor change what it sends', async (t) => {
  const { topic, name, landed, stored, reasons } = await started(t, 'verify');
  const epoch = newEpoch();
  const [first, second] = [1, 2].map((sequence) => honest(name, epoch, sequence));
  const bad = Object.values(attacks(name, epoch, second!));
  // What a host sent may come again from anybody: that changes nothing.
  await topic.send([first!, ...bad, second!, first!, second!]);
  await landed(bad.length + 4);
  assert.deepEqual(await stored(), ['honest 1', 'honest 2'], ALL);
  for (const reason of await reasons(bad.length)) assert.match(reason, /its signature is /);
});

test('where signatures are required, a batch without one is not stored either', async (t) => {
  const { topic, name, landed, stored, reasons } = await started(t, 'require');
  const epoch = newEpoch();
  await topic.send([
    honest(name, epoch, 1),
    asMessage(victimBatch(epoch, 2, 'STOLEN')),
    honest(name, epoch, 2),
  ]);
  await landed(3);
  assert.deepEqual(await stored(), ['honest 1', 'honest 2'], ALL);
  assert.match((await reasons(1))[0]!, /it is not signed/);
});

test('a copy of a signed batch in another partition cannot overtake the batches before it', async (t) => {
  const { topic, name, landed, stored } = await started(t, 'verify', 2);
  const epoch = newEpoch();
  await topic.send([honest(name, epoch, 3)], 1);
  await landed(1, 1);
  await topic.send([1, 2, 3].map((sequence) => honest(name, epoch, sequence)));
  await landed(3);
  assert.deepEqual(await stored(), ['honest 1', 'honest 2', 'honest 3'], ALL);
});
