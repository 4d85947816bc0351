/**
 * The whole pipeline under faults: agents, consumers, Kafka and ClickHouse are killed or stopped at random
 * and started again, while sandboxes are created, written, rotated, truncated, recreated and deleted. All
 * stored bytes are compared with a ledger of the written bytes.
 *
 *   node bench/chaos.ts [--minutes 5 | --hours N] [--agents 2] [--alive 40] [--consumers 3] [--seed N]
 *                       [--pause-seconds 3] [--freeze] [--keep DIR]
 *
 * `--alive` is per agent. `--freeze` also stops consumers (SIGSTOP) during a takeover, the only case in which
 * a key may be duplicated until a merge. Needs Java and Maven (for the broker). Prints one table. The exit
 * code is 1 if a byte is duplicated, or missing without a gap row, or if a stream differs from its seal.
 */
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { ClickHouseLogLevel, createClient } from '@clickhouse/client';
import { freePort } from '../src/base/child_process.ts';
import { migrate } from '../src/store/care/migrate.ts';
import { rebuild } from '../src/store/care/rebuild.ts';
import { verify } from '../src/store/care/verify.ts';
import { startEmbedded } from '../src/store/embedded/embedded.ts';
import { randomOf } from '../test/support/content.ts';
import { AgentPart, ClickHousePart, ConsumerPart, KafkaPart, type Part } from './chaos_parts.ts';
import { printTable, reached } from './process.ts';
import { SoakAgent } from './soak_agent.ts';
import { SoakComparison, shareOfComplete } from './soak_comparison.ts';
import { SoakFleet } from './soak_fleet.ts';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '5' },
    hours: { type: 'string' },
    agents: { type: 'string', default: '2' },
    alive: { type: 'string', default: '40' },
    consumers: { type: 'string', default: '3' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    'pause-seconds': { type: 'string', default: '3' },
    freeze: { type: 'boolean', default: false },
    keep: { type: 'string' },
  },
});
/**
 * Time between the last write and a truncation, or a deletion: the agent must have read, or linked, the file
 * by then.
 */
const TRUNCATED_AFTER_MS = 5_000;
const DELETED_AFTER_MS = 2_000;
/** A log that is still incomplete this long after its deletion is compared nevertheless. */
const PATIENCE_MS = 300_000;
/** Interval of merges; before each one, duplicate rows are counted. */
const MERGE_MS = 60_000;

const minutes = values.hours === undefined ? Number(values.minutes) : Number(values.hours) * 60;
const seed = Number(values.seed);
/** Set when all parts run. */
let ends_ms = Number.POSITIVE_INFINITY;
const isOver = (): boolean => performance.now() >= ends_ms;
const random = randomOf(seed);
console.log(`seed ${seed}, ${minutes} min`);

const dir = values.keep ?? mkdtempSync(join(tmpdir(), 'afterlog-chaos-'));
const http_port = await freePort();
const where = { dir: join(dir, 'clickhouse'), http_port };
// Creates the tables first, because their merges are stopped at each start.
const first = await startEmbedded(where);
// Its user and password stay the same at each start.
const { url } = first;
const client = createClient({ url, request_timeout: 120_000, log: { level: ClickHouseLogLevel.OFF } });
const merges = (what: 'START' | 'STOP') =>
  client.command({ query: `SYSTEM ${what} MERGES afterlog.console_logs` });
await migrate(client, 'afterlog');
await first.stop();

const kafka = new KafkaPart({ dir: join(dir, 'kafka'), port: await freePort() });
const clickhouse = new ClickHousePart(where, async () => void (await merges('STOP')));
const { broker } = await kafka.start();
await clickhouse.start();
const env = {
  AFTERLOG_KAFKA_BROKERS: broker,
  AFTERLOG_CLICKHOUSE_URL: url,
  AFTERLOG_LOG_LEVEL: values.keep === undefined ? 'fatal' : 'warn',
};
const comparison = new SoakComparison(client, PATIENCE_MS);
const numbers = (count: string): number[] => Array.from({ length: Number(count) }, (_, index) => index);
const agents = numbers(values.agents).map((index) => {
  const data = join(dir, `host-${index}`);
  const vms = join(data, 'vms');
  mkdirSync(vms, { recursive: true });
  const agent = new SoakAgent(data, url, TRUNCATED_AFTER_MS, DELETED_AFTER_MS, {
    ...env,
    AFTERLOG_HOST: `host-${index}`,
  });
  const fleet = new SoakFleet(vms, `sb-${seed}-${index}`, agent, comparison, random, isOver);
  return { agent, fleet, pins: join(data, '.afterlog', 'pins') };
});
const consumers = numbers(values.consumers).map(() => new ConsumerPart(env));
const parts: Part[] = [...agents.map(({ agent }) => new AgentPart(agent)), ...consumers, kafka, clickhouse];
let worst_lag = 0;

/** Disturbs random parts; the servers half as often, because they need the longest time to start. */
async function disturb(): Promise<void> {
  const drawn = [...parts.slice(0, -2), ...parts];
  const under: Promise<void>[] = [];
  while (!isOver()) {
    await sleep(
      Math.min(random() * 2_000 * Number(values['pause-seconds']), Math.max(0, ends_ms - performance.now())),
    );
    const part = drawn[Math.floor(random() * drawn.length)]!;
    const draw = random();
    const isFrozen = values.freeze && part.role === 'consumer' && draw > 0.7;
    under.push(part.suffer(isFrozen ? 'frozen' : draw < 0.7 ? 'killed' : 'stopped', random));
  }
  await Promise.all(under);
}

async function mergeOnce(): Promise<void> {
  await comparison.countRepeated();
  await merges('START');
  await client.command({ query: 'OPTIMIZE TABLE afterlog.console_logs FINAL' });
  await merges('STOP');
}

/** Samples all parts; a query that fails because a part is down is repeated. */
async function watch(): Promise<void> {
  let merged_ms = performance.now();
  while (!isOver()) {
    await sleep(1_000);
    for (const part of parts) part.sample();
    const lags = await Promise.all(consumers.map((consumer) => consumer.lag()));
    worst_lag = Math.max(
      worst_lag,
      lags.reduce((sum: number, lag) => sum + (lag ?? 0), 0),
    );
    await comparison.look().catch(() => {});
    if (performance.now() - merged_ms < MERGE_MS) continue;
    const merged = await mergeOnce().catch(() => null);
    if (merged !== null) merged_ms = performance.now();
  }
}

try {
  await Promise.all([...agents.map(({ agent }) => agent.start()), ...consumers.map((one) => one.start())]);
  ends_ms = performance.now() + minutes * 60_000;
  const fleets = agents.map(({ fleet }) => fleet.run(Number(values.alive)));
  await Promise.all([...fleets, disturb(), watch()]);
  console.log('All sandboxes are deleted, and no part is killed any more.');
  while (comparison.pending > 0) {
    await comparison.look();
    await sleep(500);
  }
  await comparison.countRepeated();
  let left = 0;
  await reached('agents that hold nothing', async () => {
    const held = await Promise.all(
      agents.map(
        async ({ agent, pins }) =>
          ((await agent.agent.status())?.spool_bytes ?? 1) + readdirSync(pins).length,
      ),
    );
    left = held.reduce((sum, one) => sum + one, 0);
    return left === 0;
  }).catch(() => {});
  const store = { client, database: 'afterlog', url };
  const verdicts: Record<string, number> = {};
  for await (const report of verify(store, {})) {
    verdicts[report.verdict] = (verdicts[report.verdict] ?? 0) + 1;
    if (report.verdict === 'wrong') console.log('verify:', JSON.stringify(report));
  }
  const lacking = async (mend: boolean): Promise<number> => {
    let count = 0;
    for await (const some of rebuild(store, { mend })) count += some.length;
    return count;
  };
  const derived = { before: await lacking(false), mended: await lacking(true), after: await lacking(false) };
  const asked = await client.query({
    query: `SELECT toUInt32(count()) AS rows FROM afterlog.console_logs FINAL WHERE record = 'gap' AND sandbox_id = ''`,
    format: 'JSONEachRow',
  });
  const [missing] = await asked.json<{ rows: number }>();
  const { counts } = comparison;
  const sum = (of: (part: Part) => number, role: string): number =>
    parts.filter((part) => part.role === role).reduce((total, part) => total + of(part), 0);
  const roles = [...new Set(parts.map(({ role }) => role))];
  const done = Object.keys(agents[0]!.fleet.done) as (keyof SoakFleet['done'])[];
  printTable([
    ['chaos', ''],
    ['seed', seed],
    ['minutes', minutes],
    ...done.map((what) => [
      what === 'bytes' ? 'bytes written' : what,
      agents.reduce((all, { fleet }) => all + fleet.done[what], 0),
    ]),
    ['bytes stored', counts.stored],
    ['bytes lost with a reason', counts.lost_explained],
    ['bytes lost without a reason', counts.lost],
    ['bytes duplicated or wrong', counts.surplus],
    ['duplicate keys before a merge', counts.repeated],
    ['complete logs with other stream boundaries', counts.divided],
    shareOfComplete(comparison.seals),
    ...Object.entries(comparison.reasons).map(([reason, count]) => [`gap rows: ${reason}`, count]),
    ['gap rows for missing batches', missing!.rows],
    ...Object.entries(verdicts).map(([verdict, count]) => [`streams that verify calls ${verdict}`, count]),
    [
      'streams that rebuild --check lists (in streams and marks), rebuilt, left',
      `${derived.before}, ${derived.mended}, ${derived.after}`,
    ],
    ['pins and spool bytes left', left],
    ['worst lag, messages', worst_lag],
    ['worst lag, s from a deletion to the complete log', (comparison.slowest_ms / 1_000).toFixed(1)],
    ...roles.map((role) => [
      `${role}: kill -9, stopped, frozen, ended unexpectedly`,
      (['killed', 'stopped', 'frozen', 'died'] as const)
        .map((what) => sum((part) => part.counts[what], role))
        .join(', '),
    ]),
    ...roles.map((role) => [
      `${role}: peak memory, MB`,
      Math.max(...parts.filter((part) => part.role === role).map((part) => part.peak_mb)).toFixed(0),
    ]),
  ]);
  const repeated = values.freeze ? 0 : counts.repeated;
  const died = parts.reduce((total, part) => total + part.counts.died, 0);
  const wrong =
    died +
    counts.lost +
    counts.surplus +
    repeated +
    missing!.rows +
    (verdicts.wrong ?? 0) +
    derived.after +
    left;
  if (wrong > 0) process.exitCode = 1;
  if (comparison.findings.length > 0) {
    const found = mkdtempSync(join(tmpdir(), 'afterlog-findings-'));
    for (const { name, wanted, found: bytes } of comparison.findings) {
      writeFileSync(join(found, `${name}.wanted`), wanted);
      writeFileSync(join(found, `${name}.found`), bytes);
    }
    console.log(`The written and the stored bytes of the differing logs are in ${found}`);
  }
} finally {
  for (const part of parts) await part.end().catch(() => {});
  await client.close();
  if (values.keep === undefined) rmSync(dir, { recursive: true, force: true, maxRetries: 5 });
}
