import assert from 'node:assert/strict';
import { test } from 'node:test';
import { freePort } from '../../src/base/child_process.ts';
import { withStatus } from '../../src/cli/role.ts';
import { serveStatus } from '../../src/serve/role_status.ts';

const status = () => ({ lines: 7, lag: null, paused: 'waiting for Kafka', last_error: 'x' });

test('a role’s numbers are metrics, and its whole status is its health', async (t) => {
  const address = `127.0.0.1:${await freePort()}`;
  t.after(await serveStatus('agent', address, status));
  const metrics = await (await fetch(`http://${address}/metrics`)).text();
  assert.match(metrics, /^afterlog_agent_lines 7$/m);
  assert.match(metrics, /^afterlog_agent_paused 1$/m);
  assert.match(metrics, /^process_cpu_seconds_total /m);
  assert.deepEqual(await (await fetch(`http://${address}/healthz`)).json(), status());
  assert.equal((await fetch(`http://${address}/`)).status, 404);
});

test('the lag of each partition is a metric, of those that the role has now', async (t) => {
  const address = `127.0.0.1:${await freePort()}`;
  const lags = (...some: (number | null)[]) =>
    some.map((lag, partition) => ({ topic: 'sandbox-logs', partition, lag }));
  let partitions = lags(0, 1_204, null);
  t.after(await serveStatus('consumer', address, () => ({ lag: null, partitions, last_error: null })));
  const told = async (): Promise<string[]> => {
    const text = await (await fetch(`http://${address}/metrics`)).text();
    return text.split('\n').filter((line) => line.startsWith('afterlog_consumer_'));
  };
  const metric = 'afterlog_consumer_partition_lag{topic="sandbox-logs",partition=';
  assert.deepEqual(await told(), [
    'afterlog_consumer_lag Nan',
    ...[`${metric}"0"} 0`, `${metric}"1"} 1204`, `${metric}"2"} Nan`],
  ]);
  partitions = lags(7);
  assert.deepEqual(await told(), ['afterlog_consumer_lag Nan', `${metric}"0"} 7`]);
});

test('an address that is taken does not keep a role from its work', async (t) => {
  const address = `127.0.0.1:${await freePort()}`;
  t.after(await serveStatus('agent', address, status));
  t.after(await serveStatus('consumer', address, status));
  assert.match(await (await fetch(`http://${address}/metrics`)).text(), /afterlog_agent_lines/);
});

test('a role whose status cannot be served at all is stopped', async () => {
  let stopped = 0;
  const stop = async (): Promise<void> => void stopped++;
  const start = async () => ({ status, stop });
  await assert.rejects(withStatus('agent', '127.0.0.1:70000', start), { code: 'ERR_SOCKET_BAD_PORT' });
  assert.equal(stopped, 1);
});
