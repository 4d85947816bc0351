/**
 * Runs hundreds of sandboxes at a time, which are created, written, rotated, truncated, deleted and
 * recreated, under an agent that is killed at random, with a real ClickHouse. All stored bytes are compared
 * with a ledger of the written bytes.
 *
 *   node bench/soak.ts [--minutes 3] [--alive 200] [--seed N] [--kill-seconds 8] [--pause-ms 300]
 *                      [--seen-ms 300] [--keep DIR]
 *
 * Prints one table. The exit code is 1 if a byte is duplicated, or missing without a gap row. A console is
 * truncated `--pause-ms` after its last write and its last new file, while an agent runs, so a truncation
 * must lose nothing either. A file is renamed or deleted `--seen-ms` after it was made; on a busy machine,
 * both times must be longer.
 */
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { createClient } from '@clickhouse/client';
import { migrate } from '../src/store/care/migrate.ts';
import { verify } from '../src/store/care/verify.ts';
import { startEmbedded } from '../src/store/embedded/embedded.ts';
import { randomOf } from '../test/support/content.ts';
import { printTable, reached } from './process.ts';
import { SoakAgent } from './soak_agent.ts';
import { SoakComparison, shareOfComplete } from './soak_comparison.ts';
import { SoakFleet } from './soak_fleet.ts';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '3' },
    alive: { type: 'string', default: '200' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    'kill-seconds': { type: 'string', default: '8' },
    'pause-ms': { type: 'string', default: '300' },
    'seen-ms': { type: 'string', default: '300' },
    keep: { type: 'string' },
  },
});
/** Interval of merges; before each one, duplicate rows are counted. */
const MERGE_MS = 60_000;

const seed = Number(values.seed);
const alive = Number(values.alive);
const ends_ms = performance.now() + Number(values.minutes) * 60_000;
const isOver = (): boolean => performance.now() >= ends_ms;
const random = randomOf(seed);
const below = (bound: number): number => Math.floor(random() * bound);
console.log(`seed ${seed}, ${values.minutes} min, ${alive} sandboxes at a time`);

const dir = values.keep ?? mkdtempSync(join(tmpdir(), 'afterlog-soak-'));
const vms = join(dir, 'data', 'vms');
mkdirSync(vms, { recursive: true });
const pins = join(dir, 'data', '.afterlog', 'pins');
const clickhouse = await startEmbedded({ dir: join(dir, 'clickhouse') });
const client = createClient({ url: clickhouse.url });
await migrate(client, 'afterlog');
await client.command({ query: 'SYSTEM STOP MERGES afterlog.console_logs' });
const [pause_ms, seen_ms] = [Number(values['pause-ms']), Number(values['seen-ms'])];
const agent = new SoakAgent(join(dir, 'data'), clickhouse.url, pause_ms, seen_ms);
await agent.start();
const comparison = new SoakComparison(client);
const fleet = new SoakFleet(vms, `sb-${seed}`, agent, comparison, random, isOver);

let held_bytes_max = 0;

async function killNowAndThen(): Promise<void> {
  while (!isOver()) {
    await sleep(
      Math.min(random() * 2_000 * Number(values['kill-seconds']), Math.max(0, ends_ms - performance.now())),
    );
    await agent.kill(random() < 0.5 ? 0 : below(1_500));
  }
}

const heldBytes = (): number =>
  readdirSync(pins).reduce((sum, name) => {
    const stats = statSync(join(pins, name), { throwIfNoEntry: false });
    // A file with another name is not held by its pin alone.
    return stats?.nlink === 1 ? sum + stats.size : sum;
  }, 0);

async function watch(): Promise<void> {
  let merged_ms = performance.now();
  while (!isOver()) {
    await sleep(1_000);
    agent.sample();
    held_bytes_max = Math.max(held_bytes_max, heldBytes());
    await comparison.look();
    if (performance.now() - merged_ms < MERGE_MS) continue;
    merged_ms = performance.now();
    await comparison.countRepeated();
    await client.command({ query: 'SYSTEM START MERGES afterlog.console_logs' });
    await client.command({ query: 'OPTIMIZE TABLE afterlog.console_logs FINAL' });
    await client.command({ query: 'SYSTEM STOP MERGES afterlog.console_logs' });
  }
}

try {
  await Promise.all([fleet.run(alive), killNowAndThen(), watch()]);
  while (comparison.pending > 0) {
    await comparison.look();
    await sleep(500);
  }
  await comparison.countRepeated();
  let spool_bytes = -1;
  await reached('an agent that holds nothing', async () => {
    spool_bytes = (await agent.agent.status())?.spool_bytes ?? -1;
    return spool_bytes === 0 && readdirSync(pins).length === 0;
  }).catch(() => {});
  agent.sample();
  const verdicts: Record<string, number> = {};
  for await (const report of verify({ client, database: 'afterlog', url: clickhouse.url }, {})) {
    verdicts[report.verdict] = (verdicts[report.verdict] ?? 0) + 1;
    if (report.verdict === 'wrong') console.log('verify:', JSON.stringify(report));
  }
  const { counts } = comparison;
  printTable([
    ['soak', ''],
    ['seed', seed],
    ...Object.entries(fleet.done),
    ['kill -9 of the agent', agent.kills],
    ['bytes stored', counts.stored],
    ['bytes lost with a reason', counts.lost_explained],
    ['bytes lost without a reason', counts.lost],
    ['bytes duplicated or wrong', counts.surplus],
    ['complete logs with other stream boundaries', counts.divided],
    shareOfComplete(comparison.seals),
    ['duplicate keys', counts.repeated],
    ...Object.entries(comparison.reasons).map(([reason, count]) => [`gap rows: ${reason}`, count]),
    ...Object.entries(verdicts).map(([verdict, count]) => [`streams that verify calls ${verdict}`, count]),
    ['pins left', readdirSync(pins).length],
    ['peak bytes held by pins alone', held_bytes_max],
    ['spool bytes left', spool_bytes],
    ['peak memory of an agent, MB', agent.peak_mb.toFixed(0)],
  ]);
  const isClean =
    counts.lost + counts.surplus + counts.repeated + (verdicts.wrong ?? 0) === 0 &&
    spool_bytes === 0 &&
    readdirSync(pins).length === 0;
  if (!isClean) process.exitCode = 1;
  if (comparison.findings.length > 0) {
    const where = mkdtempSync(join(tmpdir(), 'afterlog-findings-'));
    for (const { name, wanted, found } of comparison.findings) {
      writeFileSync(join(where, `${name}.wanted`), wanted);
      writeFileSync(join(where, `${name}.found`), found);
    }
    console.log(`The written and the stored bytes of the differing logs are in ${where}`);
  }
} finally {
  await agent.agent.end('SIGKILL');
  await client.close();
  await clickhouse.stop();
  if (values.keep === undefined) rmSync(dir, { recursive: true, force: true });
}
