import assert from 'node:assert/strict';
import { test } from 'node:test';
import { crc32 } from 'node:zlib';
import { clickhouseUrl, migratedDatabase } from '../support/clickhouse.ts';
import { afterlog } from '../support/command.ts';
import { insertRows, sealRow, type TestRow } from '../support/rows.ts';

const NULS = 100_000;
const PARTS = ['one\n', 'cut short', Buffer.alloc(NULS), 'two\n', Buffer.alloc(NULS)].map((part) =>
  Buffer.from(part),
);

/** The rows of a log with these parts; those of NULs have one row each. */
function rowsOf(parts: Buffer[]): TestRow[] {
  let at = 0;
  return parts.map((part): TestRow => {
    const place = { sandbox_id: 's', position: at };
    at += part.length;
    if (part[0] === 0) return { ...place, record: 'nuls', message: `{"bytes":${part.length}}`, ending: '' };
    const text = part.toString();
    return { ...place, message: text.trimEnd(), ending: text.endsWith('\n') ? '\n' : '' };
  });
}

test('NULs of a log: --raw writes them, verify counts them, and whoever reads lines gets a note', async (t) => {
  const { client, database } = await migratedDatabase(t);
  const environment = { AFTERLOG_CLICKHOUSE_URL: clickhouseUrl(), AFTERLOG_CLICKHOUSE_DATABASE: database };
  const whole = Buffer.concat(PARTS);
  const sums = { bytes: whole.length, lines: 3, crc32: crc32(whole), gaps: 0, complete: true };
  const message = JSON.stringify({ ...sums, reason: 'deleted' });
  await insertRows(client, database, [...rowsOf(PARTS), sealRow('s', whole.length, 'deleted', { message })]);
  const run = async (...args: string[]) => (await afterlog(args, environment)).stdout;
  assert.deepEqual(Buffer.from(await run('logs', 's', '--raw')), whole);
  assert.deepEqual(Buffer.from(await run('logs', 's', '--raw', '--follow')), whole);
  const text = String(await run('logs', 's'));
  assert.equal(text.split('\n').filter((line) => line === `── ${NULS} NUL bytes ──`).length, 2);
  const records = String(await run('logs', 's', '--json'))
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  assert.deepEqual(
    records.filter(({ record }) => record === 'nuls').map(({ position, bytes }) => [position, bytes]),
    [
      [13, NULS],
      [13 + NULS + 4, NULS],
    ],
  );
  assert.match(String(await run('verify', 's')), /complete/);
});
