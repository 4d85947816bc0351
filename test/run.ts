/**
 * The whole suite, or a part of it:
 *
 *     npm test                            every *.test.ts, the slow ones last
 *     npm test -- tail/ serve/http        only files with such a part in their name
 *     npm test -- --fast                  without *.slow.test.ts
 *     npm run test:unit                   `--unit`: what needs no server and is not slow
 *     npm run test:outside                `--outside`: test/outside/*.ts, which need more than npm installs
 *
 * The run starts one real Kafka and one real ClickHouse in a folder of its own, each only if a selected file needs
 * it: if the imports of the file lead to test/support/kafka.ts or test/support/clickhouse.ts (see
 * test/support/needs.ts). Tests find the servers by TEST_KAFKA_BROKER and TEST_CLICKHOUSE_URL, and make their own
 * topics and databases in them. A unit test needs neither server, and starts none by itself.
 *
 * The run removes everything at its end. It prints the count and the time of each part; the last line is
 * `N passed, N failed`.
 */

import { execFileSync } from 'node:child_process';
import { existsSync, globSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative, resolve } from 'node:path';
import { finished } from 'node:stream/promises';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';
import { explain, reasonOf } from '../src/base/errors.ts';
import { type LocalKafka, startLocalKafka } from '../src/kafka/local_kafka.ts';
import { usersFolder } from '../src/store/embedded/access.ts';
import { type Embedded, startEmbedded } from '../src/store/embedded/embedded.ts';
import { NOT_RUN } from './support/attacker.ts';
import { usersFile } from './support/clickhouse_users.ts';
import { FILE_BOUND, FILE_MS_MAX } from './support/file_bound.ts';
import { root } from './support/imports.ts';
import { endLeftovers } from './support/leftovers.ts';
import { type Needs, needsOf, needsServer } from './support/needs.ts';

/** The whole run. One file that hangs is given up long before, and named. */
const RUN_MS_MAX = 75 * 60_000;
const FAILURE_CHARACTERS_MAX = 1_000;
const FLAGS = ['--fast', '--unit', '--outside'];

interface Counts {
  passed: number;
  failed: number;
}

/** What failed, for the last lines: those are what a CI shows of a long run. */
const failures: string[] = [];

/** What this machine forbids to try, such as acting as another user. It counts neither as passed nor as failed. */
const notRun: string[] = [];

const stop = new AbortController();
const cleanups: (() => Promise<unknown>)[] = [];

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => stop.abort(new Error(`ended by ${signal}`)));
}
// The reader of a pipe, such as `head`, may end first.
process.stdout.on('error', () => stop.abort(new Error('nobody reads its output')));
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
  const needs = files.map(needsOf);
  if (needs.some(({ build }) => build)) buildCommand();
  await startServers(await makeFolder(), needs);
  for (const [name, some, concurrency] of [
    // Without servers beside them there is room for more, and many of them wait.
    ['tests', files.filter((file) => !isSlow(file)), needs.some(needsServer) ? 2 : 6],
    // These load the machine themselves: one at a time.
    ['slow tests', files.filter(isSlow), 1],
  ] as const) {
    if (some.length === 0) continue;
    const start_ms = performance.now();
    const { passed, failed } = await runFiles(some, concurrency);
    console.log(`${passed + failed} ${name} of ${some.length} files in ${secondsSince(start_ms)}`);
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
for (const line of [...notRun, ...failures]) console.log(line);
if (notRun.length > 0) console.log(`${notRun.length} not run`);
console.log(`${counts.passed} passed, ${counts.failed} failed`);
process.exit(counts.failed === 0 ? 0 : 1);

function testFiles(args: string[]): string[] {
  const unknown = args.find((arg) => arg.startsWith('--') && !FLAGS.includes(arg));
  if (unknown !== undefined) throw new Error(`${unknown} is none of ${FLAGS.join(', ')}.`);
  const names = args.filter((arg) => !arg.startsWith('--'));
  const all = args.includes('--outside') ? 'test/outside/*.ts' : 'test/**/*.test.ts';
  const files = globSync(all, { cwd: root })
    .filter((file) => !((args.includes('--fast') || args.includes('--unit')) && isSlow(file)))
    .filter((file) => !(args.includes('--unit') && needsServer(needsOf(file))))
    .filter((file) => names.length === 0 || names.some((name) => matches(file, name)))
    .sort();
  if (files.length === 0) throw new Error(`No test file matches ${names.join(', ') || all}.`);
  return files;
}

/** Tests of the released command must not test an older one. */
function buildCommand(): void {
  const start_ms = performance.now();
  execFileSync('npm', ['run', '--silent', 'build'], { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] });
  console.log(`The command was built in ${secondsSince(start_ms)}`);
}

function isSlow(file: string): boolean {
  return file.endsWith('.slow.test.ts');
}

function secondsSince(start_ms: number): string {
  return `${((performance.now() - start_ms) / 1_000).toFixed(1)} s`;
}

function matches(file: string, name: string): boolean {
  return file.includes(name) || file === relative(root, resolve(name));
}

/** The folder of all that tests write. It also marks what a cut test leaves behind. */
async function makeFolder(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'afterlog-test-'));
  // Some tests run an agent as another user, who must get through to its own folder in here.
  await chmod(dir, 0o711);
  cleanups.push(() => rm(dir, { recursive: true, force: true, maxRetries: 10 }));
  process.env.TMPDIR = dir;
  // Hundreds of short processes load the same TypeScript; without this, that is most of what they do.
  process.env.NODE_COMPILE_CACHE = join(dir, 'compiled');
  cleanups.push(async () => {
    for (const one of endLeftovers(dir)) console.error(`left behind, and ended now: ${one}`);
  });
  if (existsSync('/dev/shm')) await makeMemoryDir();
  return dir;
}

/** For tests that make and fsync thousands of small files. */
async function makeMemoryDir(): Promise<void> {
  const dir = await mkdtemp('/dev/shm/afterlog-test-');
  cleanups.push(() => rm(dir, { recursive: true, force: true, maxRetries: 10 }));
  process.env.TEST_MEMORY = dir;
}

/** Both at once, as far as they are needed. */
async function startServers(dir: string, needs: Needs[]): Promise<void> {
  const start_ms = performance.now();
  const starts: [string, (dir: string) => Promise<{ stop(): Promise<void> }>][] = [];
  if (needs.some(({ kafka }) => kafka)) starts.push(['Kafka', startKafka]);
  if (needs.some(({ clickhouse }) => clickhouse)) starts.push(['ClickHouse', startClickHouse]);
  if (starts.length === 0) return;
  // Cut short meanwhile, what has started by then is left to `endLeftovers`.
  const started = await orStopped(Promise.allSettled(starts.map(([, start]) => start(dir))));
  for (const server of started) if (server.status === 'fulfilled') cleanups.push(() => server.value.stop());
  for (const server of started) if (server.status === 'rejected') throw server.reason;
  console.log(`${starts.map(([name]) => name).join(' and ')} started in ${secondsSince(start_ms)}`);
}

async function startKafka(dir: string): Promise<LocalKafka> {
  const kafka = await startLocalKafka({ dir: join(dir, 'kafka'), onProgress: (text) => console.log(text) });
  process.env.TEST_KAFKA_BROKER = kafka.broker;
  return kafka;
}

async function startClickHouse(dir: string): Promise<Embedded> {
  const data = join(dir, 'clickhouse');
  // Tests also stop merges and make users of their own, which afterlog's user may not.
  await mkdir(usersFolder(data), { mode: 0o700 });
  const users = usersFile([{ name: 'admin', grants: ['ALL ON *.*'] }]);
  await writeFile(join(usersFolder(data), 'admin.xml'), users, { mode: 0o600 });
  const clickhouse = await startEmbedded({ dir: data });
  process.env.TEST_CLICKHOUSE_URL = clickhouse.origin.replace('//', '//admin:admin@');
  return clickhouse;
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

function placeOf(file: string | undefined): string {
  return file === undefined ? '' : ` (${relative(root, file)})`;
}

async function runFiles(files: string[], concurrency: number): Promise<Counts> {
  const counts: Counts = { passed: 0, failed: 0 };
  const stream = run({
    files: files.map((file) => join(root, file)),
    concurrency,
    isolation: 'process',
    timeout: FILE_MS_MAX,
    execArgv: [`--import=${FILE_BOUND}`],
    signal: stop.signal,
  });
  stream.on('test:summary', (summary) => {
    if (summary.file !== undefined) return; // One comes for each file too; the last is the sum.
    counts.passed += summary.counts.passed;
    // A skipped test would hide a missing part: it counts as failed, unless this machine forbids it.
    counts.failed += summary.counts.tests - summary.counts.passed;
  });
  stream.on('test:pass', ({ name, file, skip }) => {
    if (typeof skip !== 'string' || !skip.startsWith(NOT_RUN)) return;
    counts.failed--;
    notRun.push(`﹣ ${name}${placeOf(file)}: ${skip}`);
  });
  stream.on('test:fail', ({ name, file, details }) => {
    const { error } = details;
    if ((error as { failureType?: string }).failureType === 'subtestsFailed') return;
    failures.push(
      `✖ ${name}${placeOf(file)}: ${reasonOf(error.cause ?? error).slice(0, FAILURE_CHARACTERS_MAX)}`,
    );
  });
  const report = stream.compose(spec);
  report.pipe(process.stdout, { end: false });
  // A report that nobody reads must still come to its end.
  process.stdout.once('error', () => report.resume());
  await finished(report, { writable: false });
  return counts;
}
