import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SimulatedHost as Host } from '../support/simulated_host.ts';

test('a prompt is stored 2 s after it came, without a line end', async (t) => {
  const host = new Host(t);
  await host.agent.start();
  await host.write('sb', 'boots\nlogin: ');
  await host.agent.tick(1_900);
  assert.deepEqual(host.rowsOf('sb'), ['boots\n']);
  await host.agent.tick(600);
  assert.deepEqual(host.rowsOf('sb'), ['boots\n', 'login: ']);
  await host.write('sb', 'root\n');
  await host.agent.tick(200);
  assert.deepEqual(host.rowsOf('sb'), ['boots\n', 'login: ', 'root\n']);
  await host.write('sb', '# ');
  await host.agent.tick(2_500);
  assert.equal(host.rowsOf('sb').at(-1), '# ', 'the next line waits no longer than the first one');
});

test('a line that grows for an hour makes a row each minute at most', async (t) => {
  const host = new Host(t);
  await host.agent.start();
  await host.write('sb', 'spins ');
  for (let s = 0; s < 3_600; s += 2) {
    await host.write('sb', '|\r');
    await host.agent.tick(2_000);
  }
  const rows = host.rowsOf('sb').length;
  assert.ok(rows >= 50 && rows <= 70, `${rows} rows`);
});

test('consoles that wait at a prompt cost no call after their piece, and no row', async (t) => {
  const host = new Host(t);
  await host.agent.start();
  await host.write('idle', 'ends\n');
  await host.agent.tick(10_000);
  const callsIn = async (ms: number): Promise<number> => {
    const before = host.agent.calls;
    await host.agent.tick(ms);
    return host.agent.calls - before;
  };
  await host.write('idle', 'ends\n');
  await host.agent.tick(10_000);
  const idle = await callsIn(60_000);
  await host.write('idle', 'login: ');
  await host.agent.tick(10_000);
  const rows = host.rowsOf('idle').length;
  assert.ok((await callsIn(60_000)) <= idle);
  assert.equal(host.rowsOf('idle').length, rows);
});

test('an agent that is killed at a prompt: the next one stores it, and goes on within its line', async (t) => {
  const host = new Host(t);
  await host.agent.start();
  await host.write('early', 'login: ');
  await host.agent.tick(500);
  await host.write('late', 'login: ');
  await host.agent.tick(500);
  await host.agent.kill();
  await host.agent.start();
  await host.agent.tick(2_500);
  for (const sandbox of ['early', 'late']) {
    assert.deepEqual(host.rowsOf(sandbox), ['login: ']);
    await host.agent.kill();
    await host.write(sandbox, 'root\n');
    await host.agent.start();
    await host.agent.tick(500);
    const [stream] = host.streams(sandbox);
    assert.deepEqual(
      stream!.lines.map(({ entry, bytes }) => [entry, bytes.toString()]),
      [
        [0, 'login: '],
        [0, 'root\n'],
      ],
    );
  }
});

test('a wake at a prompt ends the stream behind it', async (t) => {
  const host = new Host(t);
  await host.agent.start();
  await host.write('sb', 'login: ');
  await host.agent.tick(3_000);
  host.truncate('sb');
  await host.write('sb', 'wakes\n');
  await host.agent.tick(3_000);
  const [first, second] = host.streams('sb');
  assert.equal(first!.bytes.toString(), 'login: ');
  assert.equal(first!.seal?.reason, 'truncated');
  assert.equal(second!.bytes.toString(), 'wakes\n');
});
