import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { summaryText } from '../../src/cli/commands/boots.ts';
import { clickhouseUrl, migratedDatabase } from '../support/clickhouse.ts';
import { afterlog } from '../support/command.ts';
import { insertRows, type TestRow } from '../support/rows.ts';

const long = `Kernel panic: ${'x'.repeat(200)} \u001b[2Jend`;

const now_ms = Date.now();

/** Minutes ago, as ClickHouse takes a time. */
const ago = (minutes: number): string =>
  new Date(now_ms - minutes * 60_000).toISOString().slice(0, 23).replace('T', ' ');

function headline(
  sandbox_id: string,
  position: number,
  minutes: number,
  event: string,
  title: string,
): TestRow {
  const host = sandbox_id.startsWith('b') ? 'host-2' : 'host-1';
  const template = sandbox_id.startsWith('b') ? 'python' : 'node';
  const stream_started_at = ago(60 * 24 * 3).slice(0, 10);
  return {
    ...{ sandbox_id, position, event, title, host, template },
    stream_started_at,
    timestamp: ago(minutes),
  };
}

async function filled(t: TestContext) {
  const { client, database } = await migratedDatabase(t);
  await insertRows(client, database, [
    headline('a-1', 0, 100, 'boot.start', 'Linux 6.1'),
    headline('a-1', 100, 99, 'boot.ready', 'sshd'),
    headline('a-1', 200, 98, 'app.exception', 'KeyError: rate'),
    headline('a-1', 300, 97, 'app.exception', 'KeyError: rate'),
    headline('b-1', 0, 50, 'boot.start', 'Linux 6.1'),
    headline('b-1', 100, 50, 'kernel.panic', long),
    headline('b-2', 0, 40, 'boot.start', 'Linux 6.1'),
    headline('b-2', 100, 40, 'init.missing', 'No working init found'),
    headline('a-2', 0, 1, 'boot.start', 'Linux 6.1'),
    headline('a-0', 0, 60 * 24 * 2, 'boot.start', 'Linux 6.1'),
    headline('a-0', 100, 60 * 24 * 2, 'app.exception', 'KeyError: rate'),
  ]);
  const environment = { AFTERLOG_CLICKHOUSE_URL: clickhouseUrl(), AFTERLOG_CLICKHOUSE_DATABASE: database };
  return async (...args: string[]) => {
    const ended = await afterlog(args, environment);
    assert.equal(ended.code, 0, ended.stderr);
    return { text: String(ended.stdout), lines: String(ended.stdout).split('\n'), stderr: ended.stderr };
  };
}

const json = (text: string): Record<string, unknown>[] =>
  text
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Record<string, unknown>);

test('boots lists the last day’s, the last one first, aligned, and what they came to', async (t) => {
  const run = await filled(t);
  const { lines, stderr } = await run('boots');
  assert.match(lines[0]!, /^STARTED +SANDBOX +OUTCOME +READY +TEMPLATE +HOST +TITLE$/);
  assert.deepEqual(
    lines.slice(1, 5).map((line) => line.slice(25).split(/ {2,}/).slice(0, 2).join(' ')),
    ['a-2 booting', 'b-2 no_init', 'b-1 panicked', 'a-1 ready'],
  );
  assert.match(lines[4]!, / 60\.0 s {2}node {6}host-1$/);
  assert.equal(
    lines[3],
    `${lines[3]!.slice(0, lines[0]!.indexOf('TITLE'))}Kernel panic: ${'x'.repeat(200)} end`,
  );
  assert.equal(
    lines[6],
    '4 boots: 1 ready (p50 60.0 s, p99 60.0 s), 1 booting, 2 failed: 1 panicked, 1 no_init; in the last 24 hours.',
  );
  assert.equal(stderr, '');
});

test('boots of a kind, of a place, of a time, coloured, as JSON', async (t) => {
  const run = await filled(t);
  const ids = async (...args: string[]) =>
    json((await run('boots', '--json', ...args)).text).map((b) => b.sandbox_id);
  assert.deepEqual(await ids('--failed'), ['b-2', 'b-1']);
  assert.deepEqual(await ids('--host', 'host-2', '--failed', '--limit', '1'), ['b-2']);
  assert.deepEqual(await ids('--template', 'node'), ['a-2', 'a-1']);
  assert.deepEqual(await ids('--since', '3d', '--until', '1h'), ['a-1', 'a-0']);
  assert.deepEqual(await ids('--sandbox', 'a-0', '--since', '3d'), ['a-0']);
  assert.deepEqual(await ids('--sandbox', 'a-0'), []);
  const [boot] = json((await run('boots', '--json', '--failed')).text);
  assert.match(String(boot!.started_at), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  assert.deepEqual(
    [boot!.outcome, boot!.ready_at, boot!.ready_seconds, boot!.title, boot!.position],
    ['no_init', null, null, 'No working init found', '0'],
  );
  const coloured = await run('boots', '--color', 'always', '--failed', '--limit', '1');
  assert.ok(coloured.text.includes('\u001b[31mno_init\u001b[39m   '), coloured.text);
  assert.match(coloured.stderr, /the last 1; use --limit/);
  assert.equal((await run('boots', '--host', 'nowhere')).text, 'No boots in the last 24 hours.\n');
});

test('crashes lists causes with how often, since when and where; what is new; and each', async (t) => {
  const run = await filled(t);
  const { lines } = await run('crashes');
  assert.match(lines[0]!, /^CRASHES +SANDBOXES +SINCE +LAST SEEN +TEMPLATE +HOST +LAST IN +EVENT +TITLE$/);
  const causes = json((await run('crashes', '--json')).text);
  assert.deepEqual(
    causes.map((cause) => [cause.title, cause.crashes, cause.is_new, cause.last_sandbox, cause.hosts]),
    [
      ['No working init found', 1, true, 'b-2', ['host-2']],
      [long, 1, true, 'b-1', ['host-2']],
      ['KeyError: rate', 1, false, 'a-1', ['host-1']],
    ],
  );
  assert.ok(String(causes[2]!.first_ever) < String(causes[2]!.first_seen));
  assert.match(lines[5]!, /^3 crashes of 3 causes, 2 of them new; in the last 24 hours\.$/);
  const fresh = json((await run('crashes', '--new', '--json')).text);
  assert.equal(fresh.length, 2);
  const all = json((await run('crashes', '--since', '3d', '--title', 'KEYERROR', '--json')).text);
  assert.deepEqual(
    all.map(({ crashes, sandboxes, is_new }) => [crashes, sandboxes, is_new]),
    [[2, 2, true]],
  );
  const each = json((await run('crashes', '--each', '--sandbox', 'a-1', '--json')).text);
  assert.deepEqual(
    each.map(({ title, occurrences, event, position }) => [title, occurrences, event, position]),
    [['KeyError: rate', 2, 'app.exception', '200']],
  );
  assert.match((await run('crashes', '--each')).lines[0]!, /^LAST SEEN +SANDBOX +TIMES/);
  assert.equal(
    (await run('crashes', '--host', 'nowhere')).text,
    'No cause of crashes in the last 24 hours.\n',
  );
});

test('the sum of boots names only what there is', () => {
  const of = (outcomes: object, p50: number | null = null) =>
    summaryText({ outcomes, ready_p50: p50, ready_p99: p50 });
  assert.equal(of({}), 'No boots');
  assert.equal(of({ ready: 1 }, 0.5), '1 boot: 1 ready (p50 0.50 s, p99 0.50 s), 0 failed;');
  assert.equal(of({ oom: 2, hung: 3 }), '5 boots: 0 ready, 5 failed: 3 hung, 2 oom;');
});
