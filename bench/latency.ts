/**
 * Measures the delay from the write of a line to the first query that finds it, by stage, at several rates,
 * and the same without Kafka (direct mode) in the same run.
 *
 *   node bench/latency.ts [--rates 100,1000,10000] [--seconds 20] [--sandboxes 20] [--warm 3]
 *
 * Needs Java and Maven (for the broker). Files, broker, ClickHouse, agent and consumer share this machine and
 * its clock. Lines of the first `--warm` seconds are not counted.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { type ClickHouseClient, createClient } from '@clickhouse/client';
import { loadSettings, type Settings } from '../src/config/settings.ts';
import { createKafka } from '../src/kafka/client.ts';
import { startLocalKafka } from '../src/kafka/local_kafka.ts';
import { TopicReader } from '../src/kafka/topic_reader.ts';
import { migrate } from '../src/store/care/migrate.ts';
import { startEmbedded } from '../src/store/embedded/embedded.ts';
import { fromKafka } from '../src/wire/header.ts';
import { cpuSeconds, printTable, reached, Script, ServedRole } from './process.ts';

const { values } = parseArgs({
  options: {
    rates: { type: 'string', default: '100,1000,10000' },
    seconds: { type: 'string', default: '20' },
    sandboxes: { type: 'string', default: '20' },
    warm: { type: 'string', default: '3' },
  },
});
const [seconds, sandboxes, warm_s] = [values.seconds, values.sandboxes, values.warm].map(Number) as [
  number,
  number,
  number,
];
/**
 * Pause between two queries: the measured delays are too long by up to this pause and the duration of a
 * query.
 */
const LOOK_MS = 5;

const now_ms = (): number => performance.timeOrigin + performance.now();

/** Times of a batch, in ms since 1970. */
interface Moments {
  /** Its last line was read from its file. */
  closed?: number;
  /** Kafka appended it. */
  appended?: number;
  /** A query found it. */
  readable?: number;
}

interface Line {
  sequence: string;
  written: number;
  observed: number;
}

const dir = mkdtempSync(join(tmpdir(), 'afterlog-latency-'));
const kafka = await startLocalKafka({ dir: join(dir, 'kafka') });
const clickhouse = await startEmbedded({ dir: join(dir, 'clickhouse') });
const client = createClient({ url: clickhouse.url });
const rows: (string | number)[][] = [['lines/s, ms', 'lines', 'p50', 'p95', 'p99', 'max']];
const costs: (string | number)[][] = [
  ['lines/s', 'INSERTs/s', 'CPU %: agent', 'consumer', 'ClickHouse, with our looks', 'Kafka'],
];
try {
  for (const rate of values.rates.split(',').map(Number)) {
    await measure(rate, kafka.broker);
    await measure(rate, '');
  }
  printTable(rows);
  printTable(costs);
} finally {
  await client.close();
  await kafka.stop();
  await clickhouse.stop();
  rmSync(dir, { recursive: true, force: true });
}

/** Measures one rate, with new roles, a new topic and a new database. */
async function measure(rate: number, broker: string): Promise<void> {
  const name = `${broker === '' ? 'direct' : 'kafka'}_${rate}`;
  const settings = loadSettings(
    {
      dataDir: join(dir, name),
      host: 'bench',
      kafkaBrokers: broker,
      kafkaTopic: name,
      clickhouseDatabase: name,
    },
    {},
  );
  await migrate(client, name);
  const vms = join(settings.data_dir, 'vms');
  for (let index = 0; index < sandboxes; index++) {
    mkdirSync(join(vms, `sb-${index}`), { recursive: true });
    writeFileSync(join(vms, `sb-${index}`, 'console.log'), 'a first line\n');
  }
  const names = broker === '' ? (['agent'] as const) : (['agent', 'consumer'] as const);
  const roles = names.map((role) => new ServedRole<{ inserts?: number }>(role, environment(settings)));
  try {
    await Promise.all(roles.map((role) => role.start()));
    await reached('the first lines', async () => (await count(client, name)) >= sandboxes);
    const from_ms = now_ms() + warm_s * 1_000;
    const moments = new Map<string, Moments>();
    const writer = new Script('steady_lines.ts', [
      vms,
      String(sandboxes),
      String(rate / sandboxes),
      String(seconds + warm_s),
    ]);
    let isWritten = false;
    const costOf = cost(roles, rate, broker !== '');
    const looking = look(name, moments, () => isWritten);
    const { lines } = JSON.parse(await writer.result()) as { lines: number };
    await (await costOf)();
    await reached('all lines', async () => (await count(client, name)) >= lines + sandboxes);
    isWritten = true;
    await looking;
    report(
      rate,
      await linesOf(name, from_ms),
      moments,
      broker === '' ? null : await appended(settings, moments),
    );
  } finally {
    for (const role of roles) await role.end('SIGTERM');
  }
}

/** @returns a function that returns the CPU use since this call */
async function cost(
  roles: ServedRole<{ inserts?: number }>[],
  rate: number,
  isKafka: boolean,
): Promise<() => Promise<void>> {
  const pids = [roles[0]!.pid, roles[1]?.pid, clickhouse.pid, isKafka ? kafka.pid : undefined];
  const look = async () => ({
    ms: performance.now(),
    inserts: (await roles[1]?.status())?.inserts ?? Number.NaN,
    cpu_s: pids.map((pid) => (pid === undefined ? Number.NaN : cpuSeconds(pid))),
  });
  const before = await look();
  return async () => {
    const after = await look();
    const passed_s = (after.ms - before.ms) / 1_000;
    const shares = after.cpu_s.map((cpu_s, index) => ((cpu_s - before.cpu_s[index]!) / passed_s) * 100);
    const inserts = (after.inserts - before.inserts) / passed_s;
    const text = (value: number, digits: number): string =>
      Number.isNaN(value) ? '–' : value.toFixed(digits);
    costs.push([
      isKafka ? rate : `${rate}, without Kafka`,
      text(inserts, 1),
      ...shares.map((share) => text(share, 0)),
    ]);
  };
}

function environment(settings: Settings): NodeJS.ProcessEnv {
  return {
    ...process.env,
    AFTERLOG_DATA_DIR: settings.data_dir,
    AFTERLOG_HOST: settings.host,
    AFTERLOG_KAFKA_BROKERS: settings.kafka.brokers.join(),
    AFTERLOG_KAFKA_TOPIC: settings.kafka.topic,
    AFTERLOG_CLICKHOUSE_URL: clickhouse.url,
    AFTERLOG_CLICKHOUSE_DATABASE: settings.clickhouse.database,
  };
}

async function query<Row>(of: ClickHouseClient, text: string): Promise<Row[]> {
  return await (await of.query({ query: text, format: 'JSONEachRow' })).json<Row>();
}

async function count(of: ClickHouseClient, database: string): Promise<number> {
  const [found] = await query<{ n: string }>(
    of,
    `SELECT toString(count()) AS n FROM ${database}.console_logs`,
  );
  return Number(found!.n);
}

/** Records when a query first found each batch. There is one host and one epoch. */
async function look(database: string, moments: Map<string, Moments>, isOver: () => boolean): Promise<void> {
  for (let seen = 0, last = false; !last; ) {
    last = isOver();
    const [found] = await query<{ n: string }>(
      client,
      `SELECT toString(max(batch_sequence)) AS n FROM ${database}.console_logs GROUP BY host, batch_epoch`,
    );
    const readable = now_ms();
    for (; seen < Number(found!.n); seen++) momentsOf(moments, String(seen + 1)).readable = readable;
    await sleep(LOOK_MS);
  }
}

function momentsOf(moments: Map<string, Moments>, sequence: string): Moments {
  const found = moments.get(sequence) ?? {};
  moments.set(sequence, found);
  return found;
}

function linesOf(database: string, from_ms: number): Promise<Line[]> {
  return query<Line>(
    client,
    `SELECT toString(batch_sequence) AS sequence, toUInt64OrZero(extract(message, 'written (\\\\d+)$')) / 1000 AS written,
       toUnixTimestamp64Micro(observed_at) / 1000 AS observed
     FROM ${database}.console_logs WHERE written >= ${from_ms}`,
  );
}

/** Times at which the broker appended each batch, by its clock, in whole ms. */
async function appended(settings: Settings, moments: Map<string, Moments>): Promise<true> {
  const reader = await TopicReader.open(createKafka(settings), settings.kafka.topic);
  for (const { partition, low, high } of await reader.ends()) {
    for await (const { message } of reader.read(partition, low, high)) {
      const { header } = fromKafka(message.headers, message.value);
      momentsOf(moments, String(header.sequence)).appended ??= Number(message.timestamp);
    }
  }
  await reader.close();
  return true;
}

function report(rate: number, lines: Line[], moments: Map<string, Moments>, isKafka: true | null): void {
  for (const { sequence, observed } of lines) {
    const batch = momentsOf(moments, sequence);
    batch.closed = Math.max(batch.closed ?? 0, observed);
  }
  const stage = (name: string, of: (line: Line, batch: Required<Moments>) => number): void => {
    const took = lines
      .map((line) => of(line, momentsOf(moments, line.sequence) as Required<Moments>))
      .sort((a, b) => a - b);
    const at = (share: number): string => (took[Math.ceil(took.length * share) - 1] ?? Number.NaN).toFixed(0);
    rows.push([`${rate}: ${name}`, took.length, at(0.5), at(0.95), at(0.99), at(1)]);
  };
  if (isKafka === null) {
    stage('the same without Kafka', ({ written }, { readable }) => readable - written);
    return;
  }
  stage('written → read from the file', ({ written, observed }) => observed - written);
  stage('→ last line of its batch (linger)', ({ observed }, { closed }) => closed - observed);
  stage('→ fsynced and in Kafka (produce)', (_, batch) => batch.appended - batch.closed);
  stage('→ found by a query (fetch, INSERT)', (_, batch) => batch.readable - batch.appended);
  stage('in all', ({ written }, { readable }) => readable - written);
}
