import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { isAlive } from '../../src/base/child_process.ts';
import { until } from './patience.ts';

/**
 * Starts a server in a process of its own, kills that process, and asserts that the server ends too.
 * @param start name of the function of `module` that starts the server in the folder `dir`
 */
export async function assertEndsWithParent(module: string, start: string, dir: string): Promise<void> {
  const code = `import { ${start} } from ${JSON.stringify(module)};
    console.log((await ${start}({ dir: ${JSON.stringify(dir)} })).pid);`;
  const parent = spawn(process.execPath, ['--input-type=module', '-e', code], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [printed] = (await once(parent.stdout, 'data')) as [Buffer];
  const pid = Number(printed.toString());
  assert.ok(isAlive(pid));
  parent.kill('SIGKILL');
  await until(() => !isAlive(pid));
}
