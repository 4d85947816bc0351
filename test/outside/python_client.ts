/**
 * The runtime's client for Python as PyPI has it, unchanged: `npm run test:outside -- python`. It needs Python 3 with
 * venv, and fetches the package.
 */
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type TestContext, test } from 'node:test';
import { promisify } from 'node:util';
import { clientLines as lines } from '../support/client_lines.ts';
import { startHost } from '../support/host.ts';
import { until } from '../support/patience.ts';
import { makeVenv } from '../support/python.ts';

const script = join(import.meta.dirname, 'python_client.py');

/** Its client, on a host with one sandbox. */
async function startWithClient(t: TestContext) {
  const python = join(await makeVenv(t, 'pandastack'), 'bin/python');
  const host = await startHost(t);
  const env = { ...process.env, PANDASTACK_API: host.address, PANDASTACK_API_KEY: 'key', PYTHONUTF8: '1' };
  const follow = () => {
    const child = spawn(python, [script, 'follow', 'sb'], { env, stdio: ['ignore', 'pipe', 'inherit'] });
    t.after(() => child.kill('SIGKILL'));
    const got: string[] = [];
    const ended = (async () => {
      for await (const line of createInterface({ input: child.stdout })) got.push(JSON.parse(line) as string);
    })();
    return { got, ended };
  };
  const read = async (how: 'snapshot' | 'known'): Promise<string[]> => {
    const { stdout } = await promisify(execFile)(python, [script, how, 'sb'], { env });
    return stdout
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line) as string);
  };
  host.start('sb');
  return { ...host, read, follow };
}

/** Python's own: the client splits a snapshot's text by itself. */
const split = (some: string[]): string[] => some.flatMap((line) => line.split(/[\r\u2028]/));

test('the runtime’s Python client: a snapshot while the sandbox lives, right after it is deleted, and later', async (t) => {
  const { write, remove, read } = await startWithClient(t);
  write('sb', lines);
  // Nothing of it has been stored yet: the agent is asked.
  assert.deepEqual(await read('snapshot'), split(lines));
  write('sb', ['the last words']);
  remove('sb');
  const whole = split([...lines, 'the last words']);
  assert.deepEqual(await read('snapshot'), whole);
  assert.deepEqual(await read('known'), whole);
});

test('the runtime’s Python client: it follows until the sandbox is deleted, and gets the same afterwards', async (t) => {
  const { write, remove, read, follow } = await startWithClient(t);
  write('sb', lines.slice(0, 5));
  await read('snapshot');
  const { got, ended } = follow();
  await until(() => got.length === 5);
  write('sb', lines.slice(5));
  await until(() => got.length === lines.length);
  remove('sb');
  await ended;
  assert.deepEqual(got.slice(0, -1), lines);
  assert.match(got.at(-1)!, /^── end: deleted, complete: \d+ bytes, 16 lines ──$/);
  const again = follow();
  await again.ended;
  assert.deepEqual(again.got, got);
});

test('the runtime’s Python client: a follower gets a prompt while nobody answers it, and its rest once', async (t) => {
  const { write, prompt, remove, read, follow } = await startWithClient(t);
  prompt('sb', 'boots\nlogin: ');
  await until(async () => (await read('snapshot')).join('|') === 'boots|login: ');
  const { got, ended } = follow();
  await until(() => got.length === 2);
  write('sb', ['root', 'in']);
  await until(() => got.length === 4);
  remove('sb');
  await ended;
  assert.deepEqual(got.slice(0, -1), ['boots', 'login: ', 'root', 'in']);
});
