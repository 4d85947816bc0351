import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { resolve } from 'node:path';
import { type TestContext, test } from 'node:test';
import { promisify } from 'node:util';
import { clickhouseUrl, migratedDatabase } from '../support/clickhouse.ts';
import { afterlog, startAfterlog } from '../support/command.ts';
import { until } from '../support/patience.ts';
import { gapRow, insertRows, rowsOfFile, SECOND_STREAM, sealRow, type TestRow } from '../support/rows.ts';

const second = { stream_started_at: SECOND_STREAM };

async function prepare(t: TestContext) {
  const { client, database } = await migratedDatabase(t);
  const environment = {
    AFTERLOG_CLICKHOUSE_URL: clickhouseUrl(),
    AFTERLOG_CLICKHOUSE_DATABASE: database,
  };
  const insert = (rows: TestRow[]): Promise<void> => insertRows(client, database, rows);
  /** What follows the command, to its end. */
  const run = (...args: string[]) => afterlog(['logs', 's', ...args], environment);
  const start = (t: TestContext, ...args: string[]) => {
    const started = startAfterlog(['logs', 's', '--follow', ...args], environment);
    t.after(() => started.child.kill('SIGKILL'));
    return started;
  };
  return { insert, run, start, environment };
}

const lineAt = (number: number, message: string, more: Partial<TestRow> = {}): TestRow => ({
  sandbox_id: 's',
  position: number * 100,
  message,
  ...more,
});

const messages = (stdout: Buffer | string): string[] =>
  String(stdout)
    .split('\n')
    .filter(Boolean)
    .map((line) => line.replace(/^2026-\S+ \S+ \S+ +(?:[A-Z]+ +)?/, ''));

test('--source, --severity, --since and --until choose lines, and --tail counts those', async (t) => {
  const { insert, run } = await prepare(t);
  const at = (minute: number): string => `2026-11-20 10:${String(minute).padStart(2, '0')}:00.000000000`;
  await insert([
    lineAt(0, 'boot', { source: 'kernel', severity: 'INFO', timestamp: at(0) }),
    lineAt(1, 'oops', { source: 'kernel', severity: 'ERROR', timestamp: at(1) }),
    lineAt(2, 'slow', { severity: 'WARN', timestamp: at(2) }),
    lineAt(3, 'who knows', { severity: '', timestamp: at(3) }),
    lineAt(4, 'broken', { source: 'worker', severity: 'FATAL', timestamp: at(4) }),
  ]);
  const shown = async (...args: string[]): Promise<string[]> => messages((await run(...args)).stdout);
  assert.deepEqual(await shown('--severity', 'warn'), ['oops', 'slow', 'broken']);
  assert.deepEqual(await shown('--severity', 'WARN', '-n', '2'), ['slow', 'broken']);
  assert.deepEqual(await shown('--source', 'kernel,worker'), ['boot', 'oops', 'broken']);
  assert.deepEqual(await shown('--source', 'kernel', '--source', 'worker', '--severity', 'ERROR'), [
    'oops',
    'broken',
  ]);
  assert.deepEqual(await shown('--since', '2026-11-20 10:02', '--until', '2026-11-20T11:04:00+01:00'), [
    'slow',
    'who knows',
  ]);
  assert.deepEqual(await shown('-n', '0'), []);
  assert.equal(String((await run('--raw', '--source', 'kernel')).stdout), 'boot\noops\n');
});

test('with --since there is no default --tail', async (t) => {
  const { insert, run } = await prepare(t);
  await insert(rowsOfFile('s', Buffer.from('x\n'.repeat(1_500))));
  const { stdout, stderr } = await run('--since', '2026-11-20');
  assert.deepEqual([messages(stdout).length, stderr], [1_500, '']);
  assert.equal(messages((await run('--since', '2026-11-20', '-n', '7')).stdout).length, 7);
});

test('where no line matches it says what there is', async (t) => {
  const { insert, run } = await prepare(t);
  await insert([
    lineAt(0, 'x', { source: 'kernel', severity: '' }),
    lineAt(1, 'x', { source: 'app', severity: 'INFO' }),
  ]);
  const source = await run('--source', 'kernal');
  assert.deepEqual([source.code, String(source.stdout)], [0, '']);
  assert.equal(source.stderr, 'No line matches; this log has sources: app, kernel.\n');
  assert.match((await run('--severity', 'ERROR')).stderr, /this log has severities: unknown, INFO\./);
  assert.equal((await run('--since', '2026-12-01')).stderr, 'No line matches.\n');
});

test('a line that is several rows is one line, in JSON too', async (t) => {
  const { insert, run } = await prepare(t);
  const full = 'x'.repeat(65_536);
  await insert([
    { sandbox_id: 's', position: 0, message: full, ending: '' },
    { sandbox_id: 's', position: 65_536, message: full, ending: '' },
    { sandbox_id: 's', position: 131_072, message: 'end' },
    { sandbox_id: 's', position: 131_076, message: 'next' },
  ]);
  assert.deepEqual(messages((await run('-n', '2')).stdout), [`${full}${full}end`, 'next']);
  const json = String((await run('-n', '2', '--json')).stdout)
    .trim()
    .split('\n');
  assert.deepEqual(
    json.map((text) => JSON.parse(text).message.length),
    [131_075, 4],
  );
});

test('--json has what parse --json has, and where it stands', async (t) => {
  const { insert, run } = await prepare(t);
  await insert([lineAt(3, '\x1b[31mred\r', { severity: 'ERROR' })]);
  assert.deepEqual(JSON.parse(String((await run('--json')).stdout)), {
    record: 'line',
    stream_started_at_ns: '1795168800000000001',
    position: 300,
    timestamp: '2026-11-20T10:00:01.250000000Z',
    timestamp_kind: '',
    source: 'app',
    severity: 'ERROR',
    event: '',
    title: '',
    entry_position: 300,
    message: '\x1b[31mred\r',
  });
});

test('colours are for terminals, unless asked for or against', async (t) => {
  const { insert, run, environment } = await prepare(t);
  await insert([lineAt(0, 'hello', { severity: 'ERROR' })]);
  const hasColors = (text: unknown): boolean => String(text).includes('\x1b[31m');
  assert.equal(hasColors((await run()).stdout), false);
  assert.equal(hasColors((await run('--color', 'always')).stdout), true);
  // `script` runs a command on a terminal of its own.
  const main = resolve(import.meta.dirname, '../../src/cli/main.ts');
  const onTerminal = async (more: Record<string, string>, option = ''): Promise<string> => {
    const command = `'${process.execPath}' '${main}' logs s ${option}`;
    const env = {
      ...process.env,
      TERM: 'xterm',
      NO_COLOR: '',
      FORCE_COLOR: undefined,
      // Node takes a terminal of a CI for one without colours.
      CI: undefined,
      ...environment,
      ...more,
    };
    return (await promisify(execFile)('script', ['-qec', command, '/dev/null'], { env })).stdout;
  };
  assert.equal(hasColors(await onTerminal({})), true);
  assert.equal(hasColors(await onTerminal({ NO_COLOR: '1' })), false);
  assert.equal(hasColors(await onTerminal({}, '--color never')), false);
});

test('--follow shows the tail, goes on over streams, and ends with 0 when the sandbox is deleted', async (t) => {
  const { insert, start } = await prepare(t);
  await insert(rowsOfFile('s', Buffer.from('one\ntwo\nthree\n')));
  const follower = start(t, '--tail', '2');
  await follower.printed(/three/);
  await insert([gapRow('s', 14, 120, 'spool full'), ...rowsOfFile('s', Buffer.from('four\n'), {}, 134)]);
  await follower.printed(/four/);
  await insert([sealRow('s', 139, 'recreated'), ...rowsOfFile('s', Buffer.from('five\n'), second)]);
  await follower.printed(/five/);
  await insert([sealRow('s', 5, 'deleted', second)]);
  assert.equal(await follower.exited, 0);
  assert.deepEqual(messages(follower.output.stdout), [
    'two',
    'three',
    '── gap: 120 bytes: spool full ──',
    'four',
    '── end: recreated, complete: 139 bytes, 3 lines ──',
    'five',
    '── end: deleted, complete: 5 bytes, 3 lines ──',
  ]);
  assert.equal(String(follower.output.stderr), '');
});

test('--follow on a deleted sandbox shows the tail and ends', async (t) => {
  const { insert, start, environment } = await prepare(t);
  await insert([...rowsOfFile('s', Buffer.from('one\ntwo\n')), sealRow('s', 8, 'deleted')]);
  for (const args of [
    ['-n', '1'],
    ['-n', '0'],
    ['--severity', 'FATAL'],
    ['--since', '1s'],
  ]) {
    const follower = start(t, ...args);
    assert.equal(await follower.exited, 0, args.join(' '));
  }
  const nowhere = await afterlog(['logs', 'nobody', '--follow'], environment);
  assert.equal(nowhere.code, 1);
  assert.match(nowhere.stderr, /SANDBOX_UNKNOWN/);
  const other = start(t, '--log', 'firecracker');
  assert.equal(await other.exited, 0);
  assert.match(String(other.output.stderr), /no firecracker log\.\n/);
});

test('--follow waits for the first line of a log of a sandbox that lives', async (t) => {
  const { insert, start } = await prepare(t);
  await insert(rowsOfFile('s', Buffer.from('x\n'), { log: 'events' }));
  const follower = start(t);
  await follower.said(/no console log yet; waiting for its first line/);
  await insert(rowsOfFile('s', Buffer.from('first\n')));
  await follower.printed(/first\n/);
});

test('--follow with a filter shows what comes and matches, and no more', async (t) => {
  const { insert, start } = await prepare(t);
  await insert([lineAt(0, 'old', { severity: 'ERROR' }), lineAt(1, 'noise', { severity: 'INFO' })]);
  const follower = start(t, '--severity', 'WARN');
  await follower.printed(/old/);
  for (let at = 2; at < 8; at++) {
    await insert([lineAt(at, `line ${at}`, { severity: at % 3 === 0 ? 'WARN' : 'INFO' })]);
  }
  await insert([sealRow('s', 800, 'deleted')]);
  assert.equal(await follower.exited, 0);
  assert.deepEqual(messages(follower.output.stdout).slice(0, -1), ['old', 'line 3', 'line 6']);
});

test('--follow --json is one object a line as soon as it comes, --follow --raw the file’s bytes', async (t) => {
  const { insert, start } = await prepare(t);
  const bytes = Buffer.from([0x1b, 0x5b, 0x33, 0x31, 0x6d, 0xff, 0x00, 0x0d, 0x0a]);
  await insert(rowsOfFile('s', bytes));
  const [json, raw] = [start(t, '--json'), start(t, '--raw')];
  await json.printed(/^\{.*\}\n$/);
  await insert([gapRow('s', 9, 1, 'lost'), ...rowsOfFile('s', Buffer.from('more\n'), {}, 10)]);
  await json.printed(/^\{.*\}\n\{"record":"gap".*\}\n\{.*"message":"more"\}\n$/);
  await insert([sealRow('s', 15, 'deleted')]);
  assert.deepEqual([await json.exited, await raw.exited], [0, 0]);
  assert.deepEqual(raw.output.stdout, Buffer.concat([bytes, Buffer.from('more\n')]));
});

test('Ctrl-C ends a follower with 130, SIGTERM with 143, without a word', async (t) => {
  const { insert, start } = await prepare(t);
  await insert(rowsOfFile('s', Buffer.from('one\n')));
  for (const [signal, code] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const) {
    const follower = start(t);
    await follower.printed(/one/);
    follower.child.kill(signal);
    assert.equal(await follower.exited, code);
    assert.equal(String(follower.output.stderr), '');
  }
});

test('a follower whose reader has left ends quietly with the next line', async (t) => {
  const { insert, start } = await prepare(t);
  await insert(rowsOfFile('s', Buffer.from('one\n')));
  const follower = start(t);
  await follower.printed(/one/);
  follower.child.stdout.destroy();
  let position = 4;
  await until(async () => {
    await insert(rowsOfFile('s', Buffer.from('more\n'), {}, position));
    position += 5;
    return follower.child.exitCode !== null;
  });
  assert.deepEqual([follower.child.exitCode, String(follower.output.stderr)], [0, '']);
});
