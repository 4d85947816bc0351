import assert from 'node:assert/strict';
import { appendFileSync, chmodSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { migrate } from '../../src/store/care/migrate.ts';
import { clickhouse, rowsOf } from '../support/clickhouse.ts';
import { site } from '../support/consumer_site.ts';
import { kafkaBroker, testSettings } from '../support/kafka.ts';
import { until } from '../support/patience.ts';
import { afterlog, environmentOf, RoleProcess } from '../support/roles.ts';

/** Root reads everything; without these rights it is refused as anybody is. */
const asAnybody =
  process.getuid?.() === 0 ? ['setpriv', '--bounding-set=-dac_override,-dac_read_search', '--'] : [];

test('a wrong setting is named with what was found and what is allowed, and nothing starts', async (t) => {
  const settings = await testSettings(t);
  const wrong = { ...environmentOf(settings), AFTERLOG_CLICKHOUSE_DATABASE: 'no-such name' };
  const { code, stderr } = await afterlog(wrong, 'agent');
  assert.equal(code, 2);
  assert.match(
    stderr,
    /clickhouse\.database \(AFTERLOG_CLICKHOUSE_DATABASE\) is "no-such name"; allowed: letters/,
  );
});

test('a data dir that is not there is named, with the setting that names another', async (t) => {
  const settings = await testSettings(t);
  const { code, stderr } = await afterlog(
    { ...environmentOf(settings), AFTERLOG_DATA_DIR: '/nowhere/at/all' },
    'agent',
  );
  assert.equal(code, 1);
  assert.match(stderr, /The data dir \/nowhere\/at\/all does not exist/);
  assert.match(stderr, /AFTERLOG_DATA_DIR/);
});

test('an unreadable log is complained of once, the others go on, and it is read when that is mended', async (t) => {
  const { settings, client, database } = await site(t, { kafkaBrokers: '' });
  const vms = join(settings.data_dir, 'vms');
  for (const id of ['readable', 'locked']) {
    mkdirSync(join(vms, id), { recursive: true });
    writeFileSync(join(vms, id, 'console.log'), `hello from ${id}\n`);
  }
  const locked = join(vms, 'locked', 'console.log');
  chmodSync(locked, 0o000);
  const agent = new RoleProcess(t, ['agent'], environmentOf(settings), asAnybody);
  agent.start();
  const stored = () =>
    rowsOf(
      client,
      `SELECT sandbox_id, message FROM ${database}.console_logs WHERE record = 'line' ORDER BY sandbox_id`,
    );
  await until(async () => (await stored()).length === 1);
  await until(() => /locked\/console cannot be read: .*EACCES.*CAP_DAC_READ_SEARCH/.test(agent.output));
  chmodSync(locked, 0o644);
  await until(async () => (await stored()).length === 2);
  assert.deepEqual(await stored(), [
    { sandbox_id: 'locked', message: 'hello from locked' },
    { sandbox_id: 'readable', message: 'hello from readable' },
  ]);
  assert.equal(agent.output.match(/locked\/console cannot be read/g)!.length, 1);
});

test('without a broker the agent waits and says so; what was deleted meanwhile arrives when it is there', async (t) => {
  // Hangs up until the broker is to be there.
  let isThere = false;
  const forwarder = createServer((socket) => {
    if (!isThere) return void socket.destroy();
    const [host, port] = kafkaBroker().split(':') as [string, string];
    const upstream = connect(Number(port), host);
    for (const one of [socket, upstream]) one.on('error', () => {});
    socket.pipe(upstream).pipe(socket);
  });
  await new Promise<void>((resolve) => forwarder.listen(0, '127.0.0.1', resolve));
  const { port } = forwarder.address() as { port: number };
  t.after(() => forwarder.close());

  const { settings, client, database } = await site(t);
  const env = environmentOf(settings);
  const folder = join(settings.data_dir, 'vms', 'sb-1');
  mkdirSync(folder, { recursive: true });
  const agent = new RoleProcess(t, ['agent'], { ...env, AFTERLOG_KAFKA_BROKERS: `127.0.0.1:${port}` });
  agent.start();
  await until(() => agent.output.includes('The agent reads'));
  appendFileSync(join(folder, 'console.log'), 'written while Kafka was away\n');
  await until(() => agent.output.includes('Kafka does not accept batches'));
  assert.match(agent.output, /AFTERLOG_KAFKA_BROKERS/);
  rmSync(folder, { recursive: true });
  assert.ok(agent.isRunning);

  isThere = true;
  new RoleProcess(t, ['consumer'], env).start();
  const stored = () =>
    rowsOf(client, `SELECT record, message FROM ${database}.console_logs WHERE record = 'line'`);
  await until(async () => (await stored()).length === 1);
  assert.deepEqual(await stored(), [{ record: 'line', message: 'written while Kafka was away' }]);
  await until(() => agent.output.includes('Kafka accepts batches again'));
});

test('a ClickHouse that refuses is named with its reason; what it refused arrives once it takes it', async (t) => {
  const settings = await testSettings(t, { kafkaBrokers: '' });
  const folder = join(settings.data_dir, 'vms', 'sb-1');
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'console.log'), 'written before the table was there\n');
  const agent = new RoleProcess(t, ['agent'], environmentOf(settings));
  agent.start();
  await until(() => /"level":40.*afterlog migrate/.test(agent.output));
  rmSync(folder, { recursive: true });
  const client = clickhouse(t);
  await migrate(client, settings.clickhouse.database);
  const stored = () =>
    rowsOf(client, `SELECT message FROM ${settings.clickhouse.database}.console_logs WHERE record = 'line'`);
  await until(async () => (await stored()).length === 1);
  assert.deepEqual(await stored(), [{ message: 'written before the table was there' }]);
  assert.equal(await agent.stop(), 0);
});
