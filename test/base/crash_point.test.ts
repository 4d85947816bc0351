import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { resolve } from 'node:path';
import { test } from 'node:test';

const module_ = resolve(import.meta.dirname, '../../src/base/crash_point.ts');

test('a crash point kills its process the time that it is told to, and only then', async () => {
  const script = `
    import { crashPoint } from ${JSON.stringify(module_)};
    for (const name of ['other', 'here', 'here', 'here']) { crashPoint(name); console.log(name); }`;
  const run = async (at: string): Promise<{ signal: string | null; said: string }> => {
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
      env: { ...process.env, TEST_CRASH_AT: at },
    });
    let said = '';
    child.stdout.on('data', (chunk: Buffer) => {
      said += chunk;
    });
    const signal = await new Promise<string | null>((done) =>
      child.once('close', (_, signal) => done(signal)),
    );
    return { signal, said: said.replaceAll('\n', ' ').trim() };
  };
  assert.deepEqual(await run(''), { signal: null, said: 'other here here here' });
  assert.deepEqual(await run('here'), { signal: 'SIGKILL', said: 'other' });
  assert.deepEqual(await run('here:3'), { signal: 'SIGKILL', said: 'other here here' });
});
