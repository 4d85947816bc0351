import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { test } from 'node:test';
import { isAlive } from '../../src/base/child_process.ts';
import { startOnPort, untilReady } from '../../src/base/child_server.ts';
import { limits } from '../../src/base/limits.ts';

const bounds = { start_ms: 10_000, stop_ms: 5_000 };

/** A child that runs this script. */
const run = (script: string): ChildProcess =>
  spawn(process.execPath, ['-e', script], { stdio: ['pipe', 'pipe', 'pipe'] });

test('a child that answers is a server; it ends in order', async () => {
  const child = run('process.stdin.on("data", () => {}).on("end", () => process.exit(7))');
  let asked = 0;
  const answers = async (): Promise<boolean> => ++asked === 3;
  const server = await untilReady(child, { answers, end: () => child.stdin!.end(), ...bounds });
  assert.ok(typeof server !== 'string' && isAlive(server.pid));
  assert.equal(asked, 3);
  await server.stop();
  assert.equal(await server.exited, 7);
});

test('a child that ends before it answers is its output', async () => {
  const wait = { answers: async () => false, end: () => {}, ...bounds };
  assert.equal(await untilReady(run('console.log("no room"); process.exit(1)'), wait), 'no room');
  assert.equal(await untilReady(run(''), wait), 'it ended without any output');
  const missing = spawn('/no/such/program', { stdio: ['pipe', 'pipe', 'pipe'] });
  assert.equal(await untilReady(missing, wait), 'it ended without any output');
});

test('a child that does not answer in time, or does not end, is killed', async () => {
  const stays = 'process.on("SIGTERM", () => {}); setInterval(() => {}, 1_000)';
  const silent = run(stays);
  const wait = { answers: async () => false, end: () => {}, start_ms: 300, stop_ms: 300 };
  assert.equal(await untilReady(silent, wait), 'no answer in 300 ms');
  assert.equal(silent.signalCode, 'SIGKILL');
  const server = await untilReady(run(stays), { ...wait, answers: async () => true });
  assert.ok(typeof server !== 'string');
  await server.stop();
  assert.equal(await server.exited, null);
});

test('a start is repeated on another port as long as that may help, and a few times at most', async () => {
  const ports = new Set<number>();
  const how = (last: number, mayRetry: boolean) => ({
    start: async (port: number) => (ports.add(port).size >= last ? { port } : 'taken'),
    mayRetry: async () => mayRetry,
    failure: async (_: number, output: string) => new Error(output),
  });
  const { port } = await startOnPort(undefined, how(3, true));
  assert.ok(ports.size === 3 && ports.has(port));
  ports.clear();
  await assert.rejects(startOnPort(undefined, how(2, false)), /taken/);
  assert.equal(ports.size, 1);
  ports.clear();
  await assert.rejects(startOnPort(undefined, how(100, true)), /taken/);
  assert.equal(ports.size, limits.server.free_port_tries);
});
