/**
 * Measures how consumers scale, whether one host starves the others, and the cost of a backlog, with a real
 * Kafka, a real ClickHouse, and batches like those of agents in a topic of 12 partitions.
 *
 *   node bench/scale.ts [--gb 0.5] [--consumers 1,2,4] [--flood-mb 300] [--seconds 15]
 *                       [--only scale,hot,backlog]
 *
 * `scale` stores a backlog of `--gb` of console text with different numbers of consumers. `hot` sends small
 * batches of quiet hosts, with and without one host that floods its partition. `backlog` is `scale` with one
 * consumer and its memory. Needs Java and Maven (for the broker).
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { createClient } from '@clickhouse/client';
import { Partitioners } from 'kafkajs';
import { loadSettings } from '../src/config/settings.ts';
import { createKafka } from '../src/kafka/client.ts';
import { startLocalKafka } from '../src/kafka/local_kafka.ts';
import { createTopic, wantedTopics, withAdmin } from '../src/kafka/topics.ts';
import { migrate } from '../src/store/care/migrate.ts';
import { startEmbedded } from '../src/store/embedded/embedded.ts';
import { type Batch, toKafkaHeaders } from '../src/wire/header.ts';
import { corpusText, HostBatches } from './host_batches.ts';
import { type ConsumerStatus, cpuSeconds, memoryOf, printTable, reached, ServedRole } from './process.ts';

const { values } = parseArgs({
  options: {
    gb: { type: 'string', default: '0.5' },
    consumers: { type: 'string', default: '1,2,4' },
    'flood-mb': { type: 'string', default: '300' },
    seconds: { type: 'string', default: '15' },
    only: { type: 'string', default: 'scale,hot' },
  },
});
const PARTITIONS = 12;
const HOSTS_OF_A_PARTITION = 2;
/** Lines per batch of a quiet host, and the interval of its batches. */
const QUIET_LINES = 20;
const QUIET_MS = 500;
const LOOK_MS = 10;
const WAIT_MS = 1_800_000;

const dir = mkdtempSync(join(tmpdir(), 'afterlog-scale-'));
execFileSync(process.execPath, [
  ...[join(import.meta.dirname, 'corpus.ts'), join(dir, 'corpus'), '--bytes', '20000000', '--sandboxes', '4'],
]);
const text = corpusText(join(dir, 'corpus'));
const kafka = await startLocalKafka({ dir: join(dir, 'kafka') });
const clickhouse = await startEmbedded({ dir: join(dir, 'clickhouse') });
const client = createClient({ url: clickhouse.url });
const settings = loadSettings({ dataDir: dir, host: 'bench', kafkaBrokers: kafka.broker }, {});
const producer = createKafka(settings).producer({ createPartitioner: Partitioners.DefaultPartitioner });
await producer.connect();
const only = values.only.split(',');
try {
  if (only.includes('scale') || only.includes('backlog')) await scale();
  if (only.includes('hot')) await hot();
} finally {
  await producer.disconnect();
  await client.close();
  await kafka.stop();
  await clickhouse.stop();
  rmSync(dir, { recursive: true, force: true, maxRetries: 5 });
}

async function makeTopic(topic: string): Promise<void> {
  const wanted = { ...wantedTopics(topic).batches, partitions: PARTITIONS };
  await withAdmin(createKafka(settings), (admin) => createTopic(admin, wanted));
}

async function send(topic: string, partition: number, batch: Batch): Promise<void> {
  const { header, value } = batch;
  const messages = [{ key: header.host, value, partition, headers: toKafkaHeaders(header) }];
  const [answer] = await producer.send({ topic, acks: -1, messages });
  if (answer?.partition !== partition) throw new Error(`nothing was sent to ${topic}/${partition}`);
}

/** Sends full batches of several hosts, with `bytes` of text in total, to all partitions. */
async function fill(topic: string, bytes: number): Promise<number> {
  const hosts = Array.from(
    { length: PARTITIONS * HOSTS_OF_A_PARTITION },
    (_, index) => new HostBatches(`host-${index}`, text),
  );
  while (hosts.reduce((sum, host) => sum + host.bytes, 0) < bytes) {
    await Promise.all(hosts.map((host, index) => send(topic, index % PARTITIONS, host.next())));
  }
  return hosts.reduce((sum, host) => sum + host.rows, 0);
}

function consumerOf(topic: string, database: string): ServedRole<ConsumerStatus> {
  return new ServedRole('consumer', {
    AFTERLOG_KAFKA_BROKERS: kafka.broker,
    AFTERLOG_KAFKA_TOPIC: topic,
    AFTERLOG_KAFKA_GROUP: database,
    AFTERLOG_CLICKHOUSE_URL: clickhouse.url,
    AFTERLOG_CLICKHOUSE_DATABASE: database,
  });
}

async function count(database: string): Promise<number> {
  const query = `SELECT toString(count()) AS n FROM ${database}.console_logs WHERE record = 'line'`;
  const answer = await client.query({ query, format: 'JSONEachRow' });
  return Number((await answer.json<{ n: string }>())[0]!.n);
}

/** Stores the same backlog with different numbers of consumers, each time into a new database. */
async function scale(): Promise<void> {
  await makeTopic('backlog');
  const bytes = Number(values.gb) * 1e9;
  const rows = await fill('backlog', bytes);
  console.log(`${rows} rows, ${(bytes / 1e9).toFixed(1)} GB of text in ${PARTITIONS} partitions`);
  const table: (string | number)[][] = [
    [
      'consumers',
      'seconds',
      'rows/s',
      'CPU-s per million rows',
      'ClickHouse',
      'INSERTs',
      'rows of one',
      'peak MB',
    ],
  ];
  for (const number of values.consumers.split(',').map(Number)) {
    const database = `scale_${number}`;
    await migrate(client, database);
    const consumers = Array.from({ length: number }, () => consumerOf('backlog', database));
    try {
      const before_s = cpuSeconds(clickhouse.pid);
      await Promise.all(consumers.map((consumer) => consumer.start()));
      // The time to join a group does not depend on the backlog.
      await reached('the first row', async () => (await count(database)) > 0);
      const [from_ms, from_rows] = [performance.now(), await count(database)];
      await reached('all rows', async () => (await count(database)) >= rows, WAIT_MS);
      const seconds = (performance.now() - from_ms) / 1_000;
      const millions = rows / 1e6;
      const cpu_s = consumers.reduce((sum, { pid }) => sum + cpuSeconds(pid), 0);
      const inserts = (await Promise.all(consumers.map((one) => one.status()))).reduce(
        (sum, status) => sum + (status?.inserts ?? 0),
        0,
      );
      const peaks = consumers.map(({ pid }) => memoryOf(pid).peak_mb);
      table.push([
        number,
        seconds.toFixed(1),
        ((rows - from_rows) / seconds).toFixed(0),
        (cpu_s / millions).toFixed(2),
        ((cpuSeconds(clickhouse.pid) - before_s) / millions).toFixed(2),
        inserts,
        (rows / inserts).toFixed(0),
        Math.max(...peaks).toFixed(0),
      ]);
    } finally {
      for (const consumer of consumers) await consumer.end('SIGTERM');
    }
    await client.command({ query: `DROP DATABASE ${database}` });
  }
  printTable(table);
}

/** Measures the delays of quiet hosts, without and with a host that floods its partition. */
async function hot(): Promise<void> {
  const table: (string | number)[][] = [
    ['quiet hosts, ms from the broker to a query', 'batches', 'p50', 'p95', 'p99', 'max'],
  ];
  for (const isFlooded of [false, true]) {
    const name = isFlooded ? 'flooded' : 'calm';
    await makeTopic(name);
    await migrate(client, name);
    const flood = new HostBatches('flood', text);
    // Sends the flood before it is measured, so that the consumer reads it as fast as it can.
    while (isFlooded && flood.bytes < Number(values['flood-mb']) * 1e6) await send(name, 0, flood.next());
    const consumer = consumerOf(name, name);
    const quiet = Array.from({ length: PARTITIONS }, (_, index) => new HostBatches(`quiet-${index}`, text));
    await consumer.start();
    if (isFlooded) await reached('the flood', async () => (await count(name)) > 0);
    const delays = { others: [] as number[], same: [] as number[] };
    const sent = new Map<string, number>();
    let isOver = false;
    const looking = look(name, sent, delays, () => isOver);
    const until = performance.now() + Number(values.seconds) * 1_000;
    while (performance.now() < until) {
      await Promise.all(
        quiet.map(async (host, partition) => {
          await sleep((QUIET_MS * partition) / PARTITIONS);
          const batch = host.next(QUIET_LINES);
          await send(name, partition, batch);
          sent.set(`${host.host} ${batch.header.sequence}`, performance.now());
        }),
      );
    }
    const isStillFlooded = isFlooded && (await count(name)) < flood.rows;
    await reached('all rows', () => sent.size === 0, WAIT_MS);
    isOver = true;
    await looking;
    await consumer.end('SIGTERM');
    const row = (what: string, of: number[]): void => {
      const sorted = of.toSorted((a, b) => a - b);
      const at = (share: number): string =>
        (sorted[Math.ceil(sorted.length * share) - 1] ?? Number.NaN).toFixed(0);
      table.push([what, sorted.length, at(0.5), at(0.95), at(0.99), at(1)]);
    };
    if (!isFlooded) row('no host floods', [...delays.others, ...delays.same]);
    else {
      row(
        `one host floods${isStillFlooded ? '' : ' (not all the time: increase --flood-mb)'}`,
        delays.others,
      );
      row('quiet host behind the flood, in its partition', delays.same);
    }
  }
  printTable(table);
}

/** Records when a query first finds each batch of a quiet host. */
async function look(
  database: string,
  sent: Map<string, number>,
  delays: { others: number[]; same: number[] },
  isOver: () => boolean,
): Promise<void> {
  const query = `SELECT host, toUInt32(max(batch_sequence)) AS highest FROM ${database}.console_logs
    WHERE startsWith(host, 'quiet') GROUP BY host, batch_epoch`;
  const seen = new Map<string, number>();
  while (!isOver()) {
    const answer = await client.query({ query, format: 'JSONEachRow' });
    const found = await answer.json<{ host: string; highest: number }>();
    const now = performance.now();
    for (const { host, highest } of found) {
      for (let sequence = (seen.get(host) ?? 0) + 1; sequence <= highest; sequence++) {
        const at = sent.get(`${host} ${sequence}`);
        // Found before the broker's answer arrived: tried again.
        if (at === undefined) break;
        sent.delete(`${host} ${sequence}`);
        seen.set(host, sequence);
        delays[host === 'quiet-0' ? 'same' : 'others'].push(now - at);
      }
    }
    await sleep(LOOK_MS);
  }
}
