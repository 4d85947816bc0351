import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { test } from 'node:test';
import { freePort, isPortFree } from '../../src/base/child_process.ts';

const RANGE = '/proc/sys/net/ipv4/ip_local_port_range';

test('a free port is none that a connection may get', async () => {
  const port = await freePort();
  assert.ok(port > 1_024);
  if (!existsSync(RANGE)) return;
  const [first] = readFileSync(RANGE, 'utf8').split(/\s+/).map(Number);
  if (first! > 20_000) assert.ok(port < first!, `${port}`);
});

test('a port that somebody listens on is not free', async (t) => {
  const server = createServer().listen(0, '127.0.0.1');
  t.after(() => server.close());
  await once(server, 'listening');
  assert.equal(await isPortFree((server.address() as { port: number }).port), false);
});
