import assert from 'node:assert/strict';
import { appendFileSync, mkdirSync, rmSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { migrate } from '../../src/store/care/migrate.ts';
import { connect } from '../../src/store/client.ts';
import { startEmbedded } from '../../src/store/embedded/embedded.ts';
import { clickhouseSettings, rowsOf } from '../support/clickhouse.ts';
import { startAfterlog } from '../support/command.ts';
import { until } from '../support/patience.ts';
import { environmentOf, RoleProcess } from '../support/roles.ts';
import { rotate } from '../support/rotate.ts';
import { temporaryDir } from '../support/temporary.ts';

test('a follower passes rotations, a truncation and a ClickHouse that is killed, and ends with the sandbox', async (t) => {
  const dir = await temporaryDir(t);
  let clickhouse = await startEmbedded({ dir });
  t.after(() => clickhouse.stop());
  const settings = await clickhouseSettings(t, { clickhouseUrl: clickhouse.url });
  const client = connect(settings);
  t.after(() => client.close());
  const { database } = settings.clickhouse;
  await migrate(client, database);
  const folder = join(settings.data_dir, 'vms', 'sb-1');
  const console_log = join(folder, 'console.log');
  const written: string[] = [];
  const write = (count: number): RegExp => {
    const lines = Array.from({ length: count }, (_, at) => `line ${written.length + at}`);
    written.push(...lines);
    appendFileSync(console_log, lines.map((line) => `${line}\n`).join(''));
    return new RegExp(`"${lines.at(-1)}"`);
  };

  mkdirSync(folder, { recursive: true });
  const agent = new RoleProcess(t, ['agent'], environmentOf(settings));
  agent.start();
  const first = write(1_500);
  const environment = {
    AFTERLOG_CLICKHOUSE_URL: clickhouse.url,
    AFTERLOG_CLICKHOUSE_DATABASE: database,
  };
  const known = `SELECT 1 FROM ${database}.console_logs LIMIT 1`;
  await until(async () => (await rowsOf(client, known)).length > 0);
  const follower = startAfterlog(
    ['logs', 'sb-1', '--follow', '--json', '--since', '2000-01-01'],
    environment,
  );
  t.after(() => follower.child.kill('SIGKILL'));
  await follower.printed(first);

  rotate(console_log, 3);
  await follower.printed(write(300));

  clickhouse.kill();
  await clickhouse.exited;
  const away = write(300);
  rotate(console_log, 3);
  write(300);
  await follower.said(/does not answer/);
  clickhouse = await startEmbedded({ dir, http_port: Number(new URL(clickhouse.url).port) });
  await follower.said(/ClickHouse answers again/);
  await follower.printed(away);
  await follower.printed(write(5));

  truncateSync(console_log);
  await follower.printed(write(5));
  rmSync(folder, { recursive: true });
  assert.equal(await follower.exited, 0);

  const rows = String(follower.output.stdout)
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { record: string; message: string; reason: string });
  const lines = rows.filter(({ record }) => record === 'line').map(({ message }) => message);
  assert.deepEqual(lines, written);
  const marks = rows.filter(({ record }) => record !== 'line').map(({ record, reason }) => [record, reason]);
  assert.deepEqual(marks, [
    ['gap', 'truncated in place: bytes written since the last read, if any, are lost'],
    ['seal', 'truncated'],
    ['seal', 'deleted'],
  ]);
  assert.equal(String(follower.output.stderr).match(/does not answer/g)?.length, 1, 'said once');
});
