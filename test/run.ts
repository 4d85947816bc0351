/**
 * `npm test [-- --fast] [-- <part of a file name>…]`: starts one real Kafka and one real ClickHouse in a folder of
 * its own, runs test/**\/*.test.ts against them (the slow ones last), removes everything, and ends with the one
 * line `N passed, N failed`. `--outside`: test/outside/*.ts in their place, which need what npm does not bring.
 */
import { existsSync, globSync } from 'node:fs';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative, resolve } from 'node:path';
import { finished } from 'node:stream/promises';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';
import { explain, reasonOf } from '../src/base/errors.ts';
import { startLocalKafka } from '../src/kafka/local_kafka.ts';
import { startEmbedded } from '../src/store/embedded/embedded.ts';
import { FILE_BOUND, FILE_MS_MAX } from './support/file_bound.ts';
import { endLeftovers } from './support/leftovers.ts';

/** The whole run. One file that hangs is given up long before, and named. */
const RUN_MS_MAX = 75 * 60_000;
const FAILURE_CHARACTERS_MAX = 1_000;

interface Counts {
  passed: number;
  failed: number;
}

/** What failed, for the last lines: those are what a CI shows of a long run. */
const failures: string[] = [];

const root = resolve(import.meta.dirname, '..');
const stop = new AbortController();
const cleanups: (() => Promise<unknown>)[] = [];

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => stop.abort(new Error(`ended by ${signal}`)));
}
// A signal that ends npm ends its shell, and does not come to what runs in that.
const shell = process.ppid;
if (process.env.npm_lifecycle_event !== undefined) {
  setInterval(() => process.ppid !== shell && stop.abort(new Error('npm was ended')), 1_000).unref();
}
const bound = setTimeout(
  () => stop.abort(new Error(`not done after ${RUN_MS_MAX / 60_000} min`)),
  RUN_MS_MAX,
);

const counts: Counts = { passed: 0, failed: 0 };
try {
  const files = testFiles(process.argv.slice(2));
  await startServers();
  for (const [some, concurrency] of [
    [files.filter((file) => !file.endsWith('.slow.test.ts')), 2],
    // These load the machine themselves: one at a time.
    [files.filter((file) => file.endsWith('.slow.test.ts')), 1],
  ] as const) {
    if (some.length === 0) continue;
    const { passed, failed } = await runFiles(some, concurrency);
    counts.passed += passed;
    counts.failed += failed;
  }
} catch (error) {
  counts.failed += 1;
  console.error(explain(error));
} finally {
  clearTimeout(bound);
  for (const cleanup of cleanups.reverse()) {
    await cleanup().catch((error) => console.error(`cleaning up: ${explain(error)}`));
  }
}
if (stop.signal.aborted) {
  counts.failed += 1;
  console.error(`The run was cut short: ${(stop.signal.reason as Error).message}.`);
}
for (const failure of failures) console.log(failure);
console.log(`${counts.passed} passed, ${counts.failed} failed`);
process.exit(counts.failed === 0 ? 0 : 1);

function testFiles(args: string[]): string[] {
  const names = args.filter((arg) => !arg.startsWith('--'));
  const all = args.includes('--outside') ? 'test/outside/*.ts' : 'test/**/*.test.ts';
  const files = globSync(all, { cwd: root })
    .filter((file) => !(args.includes('--fast') && file.endsWith('.slow.test.ts')))
    .filter((file) => names.length === 0 || names.some((name) => matches(file, name)))
    .sort();
  if (files.length === 0) throw new Error(`No test file matches ${names.join(', ') || all}.`);
  return files.map((file) => join(root, file));
}

function matches(file: string, name: string): boolean {
  return file.includes(name) || file === relative(root, resolve(name));
}

/** Both at once. A test makes its own topic and database in them, see test/support/servers.ts. */
async function startServers(): Promise<void> {
  const dir = await mkdtemp(join(tmpdir(), 'afterlog-test-'));
  // Some tests run an agent as another user, who must get through to its own folder in here.
  await chmod(dir, 0o711);
  cleanups.push(() => rm(dir, { recursive: true, force: true, maxRetries: 10 }));
  // What a test that is cut short leaves behind lies in there too, and is known by it.
  process.env.TMPDIR = dir;
  cleanups.push(async () => {
    for (const one of endLeftovers(dir)) console.error(`left behind, and ended now: ${one}`);
  });
  if (existsSync('/dev/shm')) await makeMemoryDir();
  const started = Promise.allSettled([
    startLocalKafka({ dir: join(dir, 'kafka'), onProgress: (text) => console.log(text) }),
    startEmbedded({ dir: join(dir, 'clickhouse') }),
  ]);
  // Cut short meanwhile, what has started by then is left to `endLeftovers`.
  const [kafka, clickhouse] = await orStopped(started);
  for (const server of [kafka, clickhouse]) {
    if (server.status === 'fulfilled') cleanups.push(() => server.value.stop());
  }
  if (kafka.status === 'rejected') throw kafka.reason;
  if (clickhouse.status === 'rejected') throw clickhouse.reason;
  process.env.TEST_KAFKA_BROKER = kafka.value.broker;
  process.env.TEST_CLICKHOUSE_URL = clickhouse.value.url;
}

/** For tests that make and fsync thousands of small files. */
async function makeMemoryDir(): Promise<void> {
  const dir = await mkdtemp('/dev/shm/afterlog-test-');
  cleanups.push(() => rm(dir, { recursive: true, force: true, maxRetries: 10 }));
  process.env.TEST_MEMORY = dir;
}

/** @throws why the run was cut short */
async function orStopped<T>(work: Promise<T>): Promise<T> {
  const { signal } = stop;
  const stopped = new Promise<never>((_, failed) => {
    if (signal.aborted) failed(signal.reason);
    else signal.addEventListener('abort', () => failed(signal.reason), { once: true });
  });
  return await Promise.race([work, stopped]);
}

async function runFiles(files: string[], concurrency: number): Promise<Counts> {
  const counts: Counts = { passed: 0, failed: 0 };
  const stream = run({
    files,
    concurrency,
    isolation: 'process',
    timeout: FILE_MS_MAX,
    execArgv: [`--import=${FILE_BOUND}`],
    signal: stop.signal,
  });
  stream.on('test:summary', (summary) => {
    if (summary.file !== undefined) return; // One comes for each file too; the last is the sum.
    counts.passed += summary.counts.passed;
    // A skipped test would hide what is missing: it counts as failed.
    counts.failed += summary.counts.tests - summary.counts.passed;
  });
  stream.on('test:fail', ({ name, file, details }) => {
    const { error } = details;
    if ((error as { failureType?: string }).failureType === 'subtestsFailed') return;
    const where = file === undefined ? '' : ` (${relative(root, file)})`;
    failures.push(`✖ ${name}${where}: ${reasonOf(error.cause ?? error).slice(0, FAILURE_CHARACTERS_MAX)}`);
  });
  const report = stream.compose(spec);
  report.pipe(process.stdout, { end: false });
  await finished(report, { writable: false });
  return counts;
}
