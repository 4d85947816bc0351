/**
 * Measures how long the lines of quiet sandboxes take beside a neighbour that writes as fast as it can, and the same
 * with rsyslog (imfile → omkafka, its defaults) on the same work in the same run.
 *
 *   node bench/neighbour.ts [--seconds 60] [--mb 100] [--kind lines|empty] [--sandboxes 20] [--rate 10] [--before 10]
 *                           [--only afterlog|rsyslog]
 *
 * `--sandboxes` quiet ones write `--rate` lines a second each: for `--before` seconds alone, then beside one that
 * writes `--mb` MB a second for `--seconds`. Needs Java and Maven (for the broker), and rsyslogd with omkafka; without
 * it only Afterlog is measured. Kafka's clock stamps each message; for Afterlog also the first query counts that finds
 * the line. All of it shares this machine and its clock.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { createClient } from '@clickhouse/client';
import { loadSettings } from '../src/config/settings.ts';
import { createKafka } from '../src/kafka/client.ts';
import { startLocalKafka } from '../src/kafka/local_kafka.ts';
import { TopicReader } from '../src/kafka/topic_reader.ts';
import { createTopic, wantedTopics, withAdmin } from '../src/kafka/topics.ts';
import { migrate } from '../src/store/care/migrate.ts';
import { startEmbedded } from '../src/store/embedded/embedded.ts';
import { fromKafka } from '../src/wire/header.ts';
import {
  type AgentStatus,
  cpuSeconds,
  memoryOf,
  printTable,
  reached,
  Script,
  ServedRole,
} from './process.ts';

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '60' },
    mb: { type: 'string', default: '100' },
    kind: { type: 'string', default: 'lines' },
    sandboxes: { type: 'string', default: '20' },
    rate: { type: 'string', default: '10' },
    before: { type: 'string', default: '10' },
    only: { type: 'string', default: '' },
  },
});
const numbers = [values.seconds, values.mb, values.sandboxes, values.rate, values.before].map(Number);
const [seconds, mb, sandboxes, rate, before_s] = numbers as [number, number, number, number, number];
const LOOK_MS = 5;
/** Time for quiet lines to arrive, and for the rest of the loud one's. */
const PATIENCE_MS = 300_000;
const RSYSLOGD = '/usr/sbin/rsyslogd';

/** When a quiet line was written, and when it was there; ms since 1970. */
interface Delay {
  written: number;
  there: number;
}

const now_ms = (): number => performance.timeOrigin + performance.now();
const dir = mkdtempSync(join(tmpdir(), 'afterlog-neighbour-'));
const text = join(dir, 'text');
makeText();
const kafka = await startLocalKafka({ dir: join(dir, 'kafka') });
const clickhouse = await startEmbedded({ dir: join(dir, 'clickhouse') });
const client = createClient({ url: clickhouse.url });
const rows: (string | number)[][] = [['quiet lines, ms', 'lines', 'p50', 'p99', 'max', 'lost']];
const costs: (string | number)[][] = [
  ['loud lines', 'written MB', 'there in the end, MB', 'gaps', 'CPU s', 'peak MB'],
];
try {
  if (values.only !== 'rsyslog') await measureAfterlog();
  if (values.only !== 'afterlog' && existsSync(RSYSLOGD)) await measureRsyslog();
  printTable(rows);
  printTable(costs);
} finally {
  await client.close();
  await kafka.stop();
  await clickhouse.stop();
  rmSync(dir, { recursive: true, force: true });
}

function say(what: string): void {
  console.error(`${new Date().toISOString()} ${what}`);
}

function makeText(): void {
  if (values.kind === 'empty') {
    writeFileSync(text, '\n'.repeat(1_000_000));
    return;
  }
  const corpus = join(dir, 'corpus');
  const script = join(import.meta.dirname, 'corpus.ts');
  execFileSync(process.execPath, [script, corpus, '--bytes', '32000000', '--sandboxes', '1']);
  execFileSync('sh', ['-c', `cat ${corpus}/vms/*/console.log > ${text}`]);
}

/** The folders of the quiet ones sort before that of the loud one. */
function makeFolders(vms: string): string {
  for (let index = 0; index < sandboxes; index++) {
    mkdirSync(join(vms, `a-quiet-${index}`), { recursive: true });
    writeFileSync(join(vms, `a-quiet-${index}`, 'console.log'), 'a first line\n');
  }
  mkdirSync(join(vms, 'loud'));
  const loud = join(vms, 'loud', 'console.log');
  writeFileSync(loud, 'a first line\n');
  return loud;
}

interface Written {
  quiet: number;
  loud_bytes: number;
  /** When the loud one began. */
  loud_ms: number;
}

async function write(vms: string, loud: string): Promise<Written> {
  const args = [vms, sandboxes, rate, before_s + seconds].map(String);
  const quiet = new Script('steady_lines.ts', args);
  await sleep(before_s * 1_000);
  const loud_ms = now_ms();
  const writer = new Script('loud_lines.ts', [loud, text, mb * 1_000_000, seconds].map(String));
  const { bytes } = JSON.parse(await writer.result()) as { bytes: number };
  const { lines } = JSON.parse(await quiet.result()) as { lines: number };
  return { quiet: lines, loud_bytes: bytes, loud_ms };
}

async function measureAfterlog(): Promise<void> {
  const name = 'neighbour';
  const settings = loadSettings(
    {
      dataDir: join(dir, name),
      host: 'bench',
      kafkaBrokers: kafka.broker,
      kafkaTopic: name,
      clickhouseDatabase: name,
    },
    {},
  );
  await migrate(client, name);
  const vms = join(settings.data_dir, 'vms');
  const loud = makeFolders(vms);
  const env = {
    ...process.env,
    AFTERLOG_DATA_DIR: settings.data_dir,
    AFTERLOG_HOST: settings.host,
    AFTERLOG_KAFKA_BROKERS: kafka.broker,
    AFTERLOG_KAFKA_TOPIC: name,
    AFTERLOG_CLICKHOUSE_URL: clickhouse.url,
    AFTERLOG_CLICKHOUSE_DATABASE: name,
  };
  const agent = new ServedRole<AgentStatus>('agent', env);
  const consumer = new ServedRole('consumer', env);
  try {
    await Promise.all([agent.start(), consumer.start()]);
    await reached('the first lines', async () => (await quietLines(name)) >= sandboxes);
    /** When a query first found each batch. */
    const readable = new Map<string, number>();
    let isOver = false;
    const looking = look(name, readable, () => isOver).catch(console.error);
    const written = await write(vms, loud);
    say(`the loud one wrote ${written.loud_bytes} bytes`);
    await reached(
      'all quiet lines',
      async () => (await quietLines(name)) >= written.quiet + sandboxes,
      PATIENCE_MS,
    );
    say('all quiet lines are there');
    const status = async (): Promise<AgentStatus> => (await agent.status())!;
    const all = (sandboxes + 1) * 13 + written.loud_bytes + (await quietBytes(name));
    await reached(
      'the loud lines',
      async () => (await status()).bytes >= all && (await status()).spool_bytes === 0,
      PATIENCE_MS,
    );
    const { lines, gaps, bytes } = await status();
    say('all is in Kafka');
    await reached('all rows', async () => (await count(name, '1')) >= lines, PATIENCE_MS);
    isOver = true;
    await looking;
    costs.push([
      'Afterlog (CPU and memory of its agent)',
      (written.loud_bytes / 1e6).toFixed(0),
      ((bytes - (all - written.loud_bytes)) / 1e6).toFixed(0),
      gaps,
      cpuSeconds(agent.pid).toFixed(0),
      memoryOf(agent.pid).peak_mb.toFixed(0),
    ]);
    const lineOf = await query<{ sequence: string; written: number }>(
      `SELECT toString(batch_sequence) AS sequence, toUInt64OrZero(extract(message, 'written (\\\\d+)$')) / 1000 AS written
       FROM ${name}.console_logs WHERE sandbox_id != 'loud' AND written > 0`,
    );
    const inKafka = await appended(name);
    const delays = (of: Map<string, number>): Delay[] =>
      lineOf.map(({ sequence, written: at }) => ({ written: at, there: of.get(sequence)! }));
    report('Afterlog, in Kafka', delays(inKafka), written);
    report('Afterlog, found by a query', delays(readable), written);
  } finally {
    for (const role of [agent, consumer]) await role.end('SIGTERM');
  }
}

async function query<Row>(statement: string): Promise<Row[]> {
  return await (await client.query({ query: statement, format: 'JSONEachRow' })).json<Row>();
}

async function count(database: string, where: string): Promise<number> {
  const [found] = await query<{ n: string }>(
    `SELECT toString(count()) AS n FROM ${database}.console_logs WHERE ${where}`,
  );
  return Number(found!.n);
}

function quietLines(database: string): Promise<number> {
  return count(database, `sandbox_id != 'loud'`);
}

async function quietBytes(database: string): Promise<number> {
  const [found] = await query<{ n: string }>(
    `SELECT toString(sum(length(prefix) + length(message) + 2)) AS n FROM ${database}.console_logs
     WHERE sandbox_id != 'loud' AND message LIKE '%written%'`,
  );
  return Number(found!.n);
}

async function look(database: string, readable: Map<string, number>, isOver: () => boolean): Promise<void> {
  for (let seen = 0, last = false; !last; ) {
    last = isOver();
    const [found] = await query<{ n: string }>(
      `SELECT toString(max(batch_sequence)) AS n FROM ${database}.console_logs GROUP BY host, batch_epoch`,
    );
    const at = now_ms();
    while (seen < Number(found?.n ?? 0)) readable.set(String(++seen), at);
    await sleep(LOOK_MS);
  }
}

/** When the broker appended each batch. */
async function appended(topic: string): Promise<Map<string, number>> {
  const found = new Map<string, number>();
  await readTopic(topic, ({ headers, value, timestamp }) => {
    found.set(String(fromKafka(headers, value).header.sequence), Number(timestamp));
  });
  return found;
}

type Message =
  Parameters<typeof fromKafka> extends [infer H, infer V]
    ? { headers: H; value: V; timestamp: string }
    : never;

async function readTopic(topic: string, take: (message: Message) => void): Promise<void> {
  const settings = loadSettings({ kafkaBrokers: kafka.broker }, {});
  const reader = await TopicReader.open(createKafka(settings), topic);
  for (const { partition, low, high } of await reader.ends()) {
    for await (const { message } of reader.read(partition, low, high)) take(message as Message);
  }
  await reader.close();
}

async function measureRsyslog(): Promise<void> {
  const topic = 'rsyslog';
  const vms = join(dir, topic, 'vms');
  const loud = makeFolders(vms);
  const settings = loadSettings({ kafkaBrokers: kafka.broker }, {});
  await withAdmin(createKafka(settings), (admin) => createTopic(admin, wantedTopics(topic).batches), 0);
  const config = join(dir, 'rsyslog.conf');
  writeFileSync(config, rsyslogConfig(vms, topic));
  const daemon: ChildProcess = spawn(RSYSLOGD, ['-n', '-f', config, '-i', join(dir, 'rsyslog.pid')], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const ended = new Promise((resolve) => daemon.once('exit', resolve));
  try {
    await sleep(3_000);
    const written = await write(vms, loud);
    const delays: Delay[] = [];
    let loud_bytes = 0;
    // It has no status that counts: it is left alone until its topic has not grown for a while.
    for (let before = -1, size = 0; size !== before; ) {
      before = size;
      await sleep(5_000);
      size = await topicEnd(topic);
    }
    await readTopic(topic, ({ value, timestamp }) => {
      const line = value!.toString('latin1');
      const at = /written (\d+)/.exec(line)?.[1];
      if (at === undefined) loud_bytes += line.length + (values.kind === 'empty' ? 1 : 2);
      else delays.push({ written: Number(at) / 1_000, there: Number(timestamp) });
    });
    report('rsyslog, in Kafka', delays, written);
    costs.push([
      'rsyslog',
      (written.loud_bytes / 1e6).toFixed(0),
      (loud_bytes / 1e6).toFixed(0),
      '–',
      cpuSeconds(daemon.pid!).toFixed(0),
      memoryOf(daemon.pid!).peak_mb.toFixed(0),
    ]);
  } finally {
    daemon.kill('SIGTERM');
    await Promise.race([ended, sleep(10_000)]);
    daemon.kill('SIGKILL');
  }
}

async function topicEnd(topic: string): Promise<number> {
  const reader = await TopicReader.open(createKafka(loadSettings({ kafkaBrokers: kafka.broker }, {})), topic);
  const ends = await reader.ends();
  await reader.close();
  return ends.reduce((sum, { high }) => sum + Number(high), 0);
}

/** Its defaults, apart from what the task needs: one partition, so that the order holds, and whole lines. */
function rsyslogConfig(vms: string, topic: string): string {
  return `
global(workDirectory="${dir}" maxMessageSize="64k")
module(load="imfile" mode="inotify")
module(load="omkafka")
input(type="imfile" File="${vms}/*/console.log" Tag="console" ruleset="kafka" addMetadata="on")
template(name="line" type="string" string="%msg%")
ruleset(name="kafka") {
  action(type="omkafka" broker="${kafka.broker}" topic="${topic}" template="line"
         partitions.useFixed="0" resubmitOnFailure="on" keepFailedMessages="on")
}
`;
}

function report(what: string, delays: Delay[], written: Written): void {
  const phases: [string, (delay: Delay) => boolean][] = [
    ['alone', (delay) => delay.written < written.loud_ms],
    ['beside the loud one', (delay) => delay.written >= written.loud_ms],
  ];
  const lost = written.quiet - delays.length;
  for (const [phase, isIn] of phases) {
    const took = delays
      .filter(isIn)
      .map((delay) => delay.there - delay.written)
      .sort((a, b) => a - b);
    const at = (share: number): string => (took[Math.ceil(took.length * share) - 1] ?? Number.NaN).toFixed(0);
    rows.push([`${what}, ${phase}`, took.length, at(0.5), at(0.99), at(1), phase === 'alone' ? '' : lost]);
  }
}
