import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { globSync } from 'node:fs';
import { resolve } from 'node:path';
import { test } from 'node:test';
import { limits } from '../../src/base/limits.ts';
import { overrideLimits, readAtLoad } from '../support/limits.ts';

const root = resolve(import.meta.dirname, '../..');
/** These are processes: importing one runs it. */
const processes = [
  'src/cli/main.ts',
  ...['child', 'call'].map((name) => `src/store/embedded/embedded_${name}.ts`),
];

test('a limit that a module copies while it loads is on the list of those that tests cannot override', () => {
  const modules = globSync('src/**/*.ts', { cwd: root }).filter((path) => !processes.includes(path));
  const script = `
    import { limits } from './src/base/limits.ts';
    const read = new Set();
    for (const [group, values] of Object.entries(limits)) {
      for (const [key, value] of Object.entries(values)) {
        Object.defineProperty(values, key, { get: () => (read.add(group + '.' + key), value) });
      }
    }
    for (const path of ${JSON.stringify(modules)}) await import('./' + path);
    console.log(JSON.stringify([...read].sort()));
    process.exit(0);`;
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
    cwd: root,
    encoding: 'utf8',
  });
  assert.deepEqual(JSON.parse(stdout || '[]'), [...readAtLoad].sort(), stderr);
});

test('an override lasts until its test ends, and a limit that was read already is refused', async (t) => {
  const { poll_ms } = limits.tail;
  await t.test('inside', (inner) => {
    overrideLimits({ tail: { poll_ms: 1 } }, inner);
    assert.equal(limits.tail.poll_ms, 1);
    assert.throws(() => overrideLimits({ batch: { rows_max: 1 } }, inner), /batch\.rows_max/);
    assert.throws(() => overrideLimits({ tail: { no: 1 } } as never, inner), /tail\.no/);
  });
  assert.equal(limits.tail.poll_ms, poll_ms);
});
