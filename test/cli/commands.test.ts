import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { type TestContext, test } from 'node:test';
import { crc32 } from 'node:zlib';
import { clickhouseUrl, migratedDatabase } from '../support/clickhouse.ts';
import { afterlog, startAfterlog } from '../support/command.ts';
import { randomBytes, randomOf } from '../support/content.ts';
import { NOWHERE } from '../support/nowhere.ts';
import { seed } from '../support/property.ts';
import { gapRow, insertRows, rowsOfFile, SECOND_STREAM, sealRow } from '../support/rows.ts';
import { temporaryDir } from '../support/temporary.ts';

async function prepare(t: TestContext) {
  const { client, database } = await migratedDatabase(t);
  const environment = {
    AFTERLOG_CLICKHOUSE_URL: clickhouseUrl(),
    AFTERLOG_CLICKHOUSE_DATABASE: database,
  };
  return { client, database, environment };
}

test('logs --raw prints exactly the file’s bytes, all streams in order', async (t) => {
  const { client, database, environment } = await prepare(t);
  const first = Buffer.concat([
    Buffer.from([0, 255, 254, 10]),
    randomBytes(randomOf(seed), 50_000),
    Buffer.from('\r\nend\n'),
  ]);
  const second = Buffer.from('after the wake\r\r\nno newline');
  await client.command({ query: `SYSTEM STOP MERGES ${database}.console_logs` });
  await insertRows(client, database, rowsOfFile('s', second, { stream_started_at: SECOND_STREAM }));
  const rows = rowsOfFile('s', first);
  for (const some of [rows, rows]) await insertRows(client, database, some);
  const whole = await afterlog(['logs', 's', '--raw'], environment);
  assert.equal(whole.code, 0, whole.stderr);
  assert.deepEqual(whole.stdout, Buffer.concat([first, second]));
  const tail = await afterlog(['logs', 's', '--raw', '--tail', '3'], environment);
  assert.equal(String(tail.stdout), 'end\nafter the wake\r\r\nno newline');
});

test('logs shows gaps and the end, and nothing a guest wrote acts on the terminal', async (t) => {
  const { client, database, environment } = await prepare(t);
  await insertRows(client, database, [
    ...rowsOfFile(
      's',
      Buffer.from('first\n\x1b[31mred\x1b[0m \x1b]0;title\x07x\ry\u0000\u009b2J\r\n', 'latin1'),
    ),
    gapRow('s', 40, 120, 'spool \x1b[2Jfull'),
    ...rowsOfFile('s', Buffer.from('last\n'), {}, 160),
    sealRow('s', 165, 'deleted'),
  ]);
  const shown = await afterlog(['logs', 's'], environment);
  assert.equal(shown.code, 0, shown.stderr);
  const time = '2026-11-20 10:00:01.250 app       INFO ';
  assert.deepEqual(String(shown.stdout).split('\n'), [
    `${time} first`,
    // The byte 9b alone is not UTF-8, and an 8-bit CSI for some terminals.
    `${time} y␀\u{fffd}2J (rewritten 1×)`,
    '── gap: 120 bytes: spool full ──',
    `${time} last`,
    '── end: deleted, complete: 165 bytes, 3 lines ──',
    '',
  ]);
  const json = String((await afterlog(['logs', 's', '--json', '--tail', '1'], environment)).stdout);
  const [gap, line, seal] = json
    .trim()
    .split('\n')
    .map((text) => JSON.parse(text));
  assert.deepEqual(
    [line.message, line.position, line.timestamp],
    ['last', 160, '2026-11-20T10:00:01.250000000Z'],
  );
  assert.deepEqual([gap.record, gap.bytes], ['gap', 120]);
  assert.deepEqual([seal.record, seal.reason, seal.bytes], ['seal', 'deleted', 165]);
});

test('logs says when there are more lines than it shows', async (t) => {
  const { client, database, environment } = await prepare(t);
  await insertRows(client, database, rowsOfFile('s', Buffer.from('x\n'.repeat(1_001))));
  const shown = await afterlog(['logs', 's'], environment);
  assert.equal(String(shown.stdout).split('\n').length - 1, 1_000);
  assert.match(shown.stderr, /Showing the last 1000 lines/);
  assert.equal((await afterlog(['logs', 's', '--tail', '5'], environment)).stderr, '');
});

test('an unknown id fails, a known one without that log does not', async (t) => {
  const { client, database, environment } = await prepare(t);
  await insertRows(client, database, rowsOfFile('s', Buffer.from('x\n')));
  const unknown = await afterlog(['logs', 'nobody'], environment);
  assert.deepEqual([unknown.code, String(unknown.stdout)], [1, '']);
  assert.match(unknown.stderr, /'nobody'.*\[SANDBOX_UNKNOWN\]\n {2}→ .*afterlog sandboxes/);
  const events = await afterlog(['logs', 's', '--log', 'events'], environment);
  assert.deepEqual([events.code, String(events.stdout)], [0, '']);
  assert.match(events.stderr, /no events log/);
});

test('verify names what is missing and ends with 1, and with 0 when nothing is', async (t) => {
  const { client, database, environment } = await prepare(t);
  const seal = (bytes: string, lines: number) =>
    JSON.stringify({
      bytes: bytes.length,
      lines,
      crc32: crc32(bytes),
      gaps: 0,
      complete: true,
      reason: 'deleted',
    });
  const bytes = 'one\ntwo\nthree\n';
  const rows = rowsOfFile('s', Buffer.from(bytes));
  const end = { ...sealRow('s', bytes.length, 'deleted'), message: seal(bytes, 3) };
  await insertRows(client, database, [rows[0]!, rows[2]!, end, ...rowsOfFile('other', Buffer.from('x\n'))]);
  const wrong = await afterlog(['verify'], environment);
  assert.equal(wrong.code, 1);
  assert.equal(
    String(wrong.stdout),
    's console from 2026-11-20 10:00:00.000: WRONG, deleted: 10 bytes, 2 lines, CRC-32 ' +
      `${crc32('one\nthree\n').toString(16).padStart(8, '0')}\n` +
      '  missing [4, 8): 4 bytes, without a gap row\n' +
      '2 streams, 4 rows: 1 open, 1 wrong\n',
  );
  await insertRows(client, database, [rows[1]!, gapRow('other', 2, null, 'spool \x1b[2Jfull')]);
  const json = await afterlog(['verify', 's', '--json'], environment);
  assert.equal(json.code, 0, json.stderr);
  const { verdict, lines, missing, stream_started_at } = JSON.parse(String(json.stdout));
  assert.deepEqual(
    [verdict, lines, missing, stream_started_at],
    ['complete', 3, [], '2026-11-20T10:00:00.000000001Z'],
  );
  const all = await afterlog(['verify'], environment);
  assert.equal(all.code, 0);
  assert.match(
    String(all.stdout),
    /other console .*: open: 2 bytes.*\n {2}gap at 2: unknown length: spool full\n/,
  );
  const since = async (time: string) =>
    String((await afterlog(['verify', '--since', time], environment)).stdout);
  assert.match(await since('2026-11-20T10:00:01Z'), /^2 streams|\n2 streams/);
  assert.match(await since('2026-11-20T10:00:02Z'), /^0 streams, 0 rows: 0 wrong\n/);
  const unknown = await afterlog(['verify', 'nobody'], environment);
  assert.deepEqual([unknown.code, String(unknown.stdout)], [1, '']);
  assert.match(unknown.stderr, /'nobody'.*\[SANDBOX_UNKNOWN\]/);
});

test('a reader that leaves early is no failure', async (t) => {
  const { client, database, environment } = await prepare(t);
  await insertRows(client, database, rowsOfFile('s', Buffer.from(`${'x'.repeat(999)}\n`.repeat(5_000))));
  const main = resolve(import.meta.dirname, '../../src/cli/main.ts');
  const child = spawn(process.execPath, [main, 'logs', 's', '--raw'], {
    env: { ...process.env, ...environment },
  });
  let stderr = '';
  child.stderr.on('data', (chunk) => {
    stderr += chunk;
  });
  await once(child.stdout, 'data');
  child.stdout.destroy();
  const [code] = await once(child, 'close');
  assert.deepEqual([code, stderr], [0, '']);
});

test('sandboxes are a table, or one object a line', async (t) => {
  const { client, database, environment } = await prepare(t);
  assert.match((await afterlog(['sandboxes'], environment)).stderr, /No sandbox has been seen/);
  await insertRows(client, database, [
    ...rowsOfFile('big', Buffer.from(`${'x'.repeat(1_535)}\n`)),
    ...rowsOfFile('dead', Buffer.from('1\n')),
    sealRow('dead', 2, 'deleted'),
  ]);
  const { stdout } = await afterlog(['sandboxes'], environment);
  const [header, big, dead] = String(stdout).split('\n');
  assert.match(header!, /^ID +STATE +FIRST SEEN +LAST SEEN +SIZE +GAPS +HOST$/);
  assert.match(big!, /^big +alive .* 1\.5 KiB +0 +host-1$/);
  assert.match(dead!, /^dead +deleted /);
  const json = await afterlog(['sandboxes', '--json', '--limit', '1'], environment);
  assert.equal(JSON.parse(String(json.stdout)).bytes, 1_536);
  assert.match(json.stderr, /use --limit for more|^$/);
});

test('sql prints a table, JSON lines, or the format that the query names; from stdin too', async (t) => {
  const { environment } = await prepare(t);
  const table = await afterlog(['sql', "SELECT 42 AS answer, char(27) || '[31mred' AS text"], environment);
  assert.equal(table.code, 0, table.stderr);
  assert.match(String(table.stdout), /answer.*\n.*42 .*red/);
  assert.ok(!table.stdout.includes(0x1b));
  assert.equal(String((await afterlog(['sql', 'SELECT 1 AS x', '--json'], environment)).stdout), '{"x":1}\n');
  assert.equal(String((await afterlog(['sql', '-'], environment, 'SELECT 1, 2 FORMAT CSV')).stdout), '1,2\n');
  const wrong = await afterlog(['sql', 'SELECT * FROM nowhere'], environment);
  assert.equal(wrong.code, 1);
  assert.match(wrong.stderr, /UNKNOWN_TABLE.*\[CLICKHOUSE_REFUSED\]/);
});

test('migrate says what it did', async (t) => {
  const { client, database, environment } = await prepare(t);
  assert.match(String((await afterlog(['migrate'], environment)).stdout), /is up to date/);
  await client.command({ query: `DROP DATABASE ${database}` });
  const behind = await afterlog(['sandboxes'], environment);
  assert.equal(behind.code, 1);
  assert.match(behind.stderr, /\[SCHEMA_BEHIND\]\n {2}→ Run `afterlog migrate`/);
  const done = await afterlog(['migrate'], environment);
  assert.equal(done.code, 0);
  assert.match(String(done.stdout), /applied 0001_console_logs/);
});

test('parse shows how lines are read, without a server', async (t) => {
  const dir = await temporaryDir(t);
  const path = join(dir, 'console.log');
  await writeFile(
    path,
    '2026-06-01T15:30:18Z [agent] sandbox.running tap=tap0\n[    0.500000] EXT4-fs (vda): mounted\n',
  );
  const json = await afterlog(['parse', path, '--json']);
  assert.equal(json.code, 0, json.stderr);
  const rows = String(json.stdout)
    .trim()
    .split('\n')
    .map((text) => JSON.parse(text));
  assert.deepEqual(Object.keys(rows[0]), [
    'position',
    'timestamp',
    'timestamp_kind',
    'source',
    'severity',
    'event',
    'title',
    'entry_position',
    'message',
  ]);
  assert.deepEqual(
    rows.map(({ position, source }) => [position, source]),
    [
      [0, 'agent'],
      [54, 'kernel'],
    ],
  );
  assert.match(String((await afterlog(['parse', path])).stdout), /sandbox\.running/);
  for (const missing of [join(dir, 'none'), dir, join(path, 'below')]) {
    const failed = await afterlog(['parse', missing]);
    assert.equal(failed.code, 1);
    assert.match(failed.stderr, /\[FILE_MISSING\]/);
  }
});

test('a ClickHouse that does not answer is named with its address, and no password', async () => {
  for (const args of [['sandboxes'], ['logs', 'x'], ['sql', 'SELECT 1'], ['migrate']]) {
    const failed = await afterlog([...args, '--clickhouse-url', `http://u:secret@${NOWHERE}`]);
    assert.equal(failed.code, 1, `${args}`);
    assert.match(failed.stderr, new RegExp(`http://${NOWHERE}.*\\[CLICKHOUSE_UNREACHABLE\\]`));
    assert.doesNotMatch(failed.stderr, /secret|\n {4}at /);
  }
});

test('a role ends with 0 at SIGTERM and SIGINT', async () => {
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    const server = startAfterlog(['server', '--listen', '127.0.0.1:0']);
    await server.said(/listens on/);
    server.child.kill(signal);
    assert.equal(await server.exited, 0, signal);
  }
});
