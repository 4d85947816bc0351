import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../../src/base/child_process.ts';
import { NOWHERE } from '../support/nowhere.ts';
import { until } from '../support/patience.ts';
import { releasedRole } from '../support/released.ts';
import { temporaryDir } from '../support/temporary.ts';

/** Looks for the debugger after the signal; it opens at once. */
const LOOKS = 50;

/** The ports on which a process listens, in order. */
function listeningPorts(pid: number): number[] {
  const own = new Set(
    readdirSync(`/proc/${pid}/fd`).map((fd) => {
      try {
        return readlinkSync(`/proc/${pid}/fd/${fd}`);
      } catch {
        return ''; // It was closed meanwhile.
      }
    }),
  );
  const LISTENING = '0A';
  const rows = ['tcp', 'tcp6'].flatMap((table) => readFileSync(`/proc/net/${table}`, 'utf8').split('\n'));
  return rows
    .map((row) => row.trim().split(/\s+/))
    .filter(([, , , state, , , , , , inode]) => state === LISTENING && own.has(`socket:[${inode}]`))
    .map(([, local = '']) => Number.parseInt(local.slice(local.lastIndexOf(':') + 1), 16))
    .toSorted((a, b) => a - b);
}

async function environmentOf(t: TestContext): Promise<Record<string, string>> {
  const dir = await temporaryDir(t);
  mkdirSync(join(dir, 'vms'));
  return {
    // Otherwise two tests would open the same port of the debugger.
    NODE_OPTIONS: '--inspect-port=0',
    AFTERLOG_DATA_DIR: dir,
    AFTERLOG_KAFKA_BROKERS: NOWHERE,
    AFTERLOG_CLICKHOUSE_URL: `http://${NOWHERE}`,
    AFTERLOG_LISTEN: `127.0.0.1:${await freePort()}`,
    AFTERLOG_AGENT_LISTEN: `127.0.0.1:${await freePort()}`,
    AFTERLOG_CONSUMER_LISTEN: `127.0.0.1:${await freePort()}`,
  };
}

for (const role of ['agent', 'consumer', 'server']) {
  test(`SIGUSR1 opens no debugger in the ${role}, where every local user could run code`, async (t) => {
    const running = releasedRole(t, [role], await environmentOf(t));
    running.start();
    await until(() => /"role":"\w+","msg":"The /.test(running.output), running.output);
    running.signal('SIGUSR1');
    for (let look = 0; look < LOOKS && running.isRunning; look++) {
      const [, address] = /Debugger listening on ws:\/\/(\S+?)\//.exec(running.output) ?? [];
      if (address !== undefined) {
        const found = await (await fetch(`http://${address}/json/list`)).text();
        assert.fail(`the debugger takes commands at ${address}: ${found}`);
      }
      await sleep(20);
    }
    assert.equal(running.isRunning, true, `${role} ended: ${running.output}`);
    assert.equal(await running.stop(), 0);
    assert.doesNotMatch(running.output, /[Dd]ebugger|inspector/);
  });
}

test('SIGUSR1 opens no debugger in `up`, nor in the process of its ClickHouse', async (t) => {
  const { AFTERLOG_KAFKA_BROKERS: _, AFTERLOG_CLICKHOUSE_URL: _url, ...environment } = await environmentOf(t);
  const running = releasedRole(t, ['up'], environment);
  running.start();
  await until(
    () => running.output.includes('In another terminal') || !running.isRunning,
    () => running.output,
  );
  const family = running.family();
  assert.equal(family.length, 2, running.output);
  // The output of ClickHouse's process is not shown, so its sockets tell.
  const before = family.map(listeningPorts);
  assert.ok(before.every((ports) => ports.length > 0));
  for (const pid of family) process.kill(pid, 'SIGUSR1');
  for (let look = 0; look < LOOKS && running.isRunning; look++) {
    assert.doesNotMatch(running.output, /Debugger listening/);
    assert.deepEqual(running.family().map(listeningPorts), before, 'a process opened a port after SIGUSR1');
    await sleep(20);
  }
  assert.deepEqual(running.family(), family, running.output);
  assert.equal(await running.stop(), 0, running.output);
  assert.doesNotMatch(running.output, /[Dd]ebugger|inspector/);
});
