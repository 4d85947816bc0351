import { execFile } from 'node:child_process';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { promisify } from 'node:util';
import { temporaryDir } from './temporary.ts';

/** Creates a folder with a Python that has a package of PyPI. @throws if Python or the package is missing */
export async function makeVenv(t: TestContext, name: string): Promise<string> {
  const venv = join(await temporaryDir(t), 'venv');
  const run = promisify(execFile);
  await run('python3', ['-m', 'venv', venv]).catch((error: Error) => {
    throw new Error(`Python is missing: apt-get install -y python3-venv (${error.message}).`);
  });
  await run(join(venv, 'bin/pip'), ['install', '--quiet', '--disable-pip-version-check', name]);
  return venv;
}
