import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { type TestContext, test } from 'node:test';
import { freePort } from '../../src/base/child_process.ts';
import { limits } from '../../src/base/limits.ts';
import { terminalWatch } from '../../src/cli/terminal_gone.ts';
import { NOWHERE } from '../support/nowhere.ts';
import { until } from '../support/patience.ts';
import { temporaryDir } from '../support/temporary.ts';

const main = resolve(import.meta.dirname, '../../src/cli/main.ts');

/**
 * Runs a command in a terminal, in the folder `dir`. `out` has what it writes to stderr; `code` is its exit
 * code once it has ended. A shell between the two dies of the closed terminal, as that of a user does.
 */
async function inTerminal(t: TestContext, dir: string, args: string[], env: Record<string, string>) {
  const command = [process.execPath, main, ...args].join(' ');
  const inner = `(trap '' HUP; ${command} 2> out; echo $? > code); true`;
  const terminal = spawn('script', ['-qfec', inner, 'typescript'], {
    cwd: dir,
    env: { PATH: process.env.PATH, HOME: dir, SHELL: '/bin/sh', ...env },
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  t.after(() => terminal.kill('SIGKILL'));
  const text = (name: string): string => {
    const path = join(dir, name);
    return existsSync(path) ? readFileSync(path, 'utf8') : '';
  };
  return {
    /** As a window that is closed: both ends are gone at once. */
    close: () => terminal.kill('SIGKILL'),
    text,
    ended: async (): Promise<number> => {
      await until(
        () => text('code').trim() !== '',
        () => text('out') + text('typescript'),
      );
      return Number(text('code'));
    },
  };
}

test('a SIGHUP long after the end of the terminal means the settings, one at the end means the end', (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] });
  let isThere = true;
  const isGone = terminalWatch(() => isThere);
  t.mock.timers.tick(10 * limits.server.terminal_look_ms);
  assert.equal(isGone(), false);
  isThere = false;
  assert.equal(isGone(), true);
  t.mock.timers.tick(limits.server.terminal_look_ms);
  assert.equal(isGone(), true);
  t.mock.timers.tick(limits.server.terminal_look_ms);
  assert.equal(isGone(), false, 'a daemon that stayed when its terminal ended reads its settings again');
});

test('an agent whose terminal is closed ends in order', async (t) => {
  const dir = await temporaryDir(t);
  mkdirSync(join(dir, 'vms'));
  const env = {
    AFTERLOG_DATA_DIR: dir,
    AFTERLOG_CLICKHOUSE_URL: `http://${NOWHERE}`,
    AFTERLOG_AGENT_LISTEN: `127.0.0.1:${await freePort()}`,
  };
  const agent = await inTerminal(t, dir, ['agent'], env);
  await until(
    () => agent.text('out').includes('The agent reads'),
    () => agent.text('out'),
  );
  agent.close();
  assert.equal(await agent.ended(), 0, agent.text('out'));
  assert.match(agent.text('out'), /"signal":"SIGHUP","msg":"Stopping\."[\s\S]*"Stopped\."/);
});

test('`up` whose terminal is closed ends all its parts in order', async (t) => {
  const dir = await temporaryDir(t);
  mkdirSync(join(dir, 'vms'));
  const env = {
    AFTERLOG_DATA_DIR: dir,
    AFTERLOG_LISTEN: `127.0.0.1:${await freePort()}`,
    AFTERLOG_AGENT_LISTEN: `127.0.0.1:${await freePort()}`,
  };
  const up = await inTerminal(t, dir, ['up'], env);
  await until(
    () => up.text('typescript').includes('In another terminal'),
    () => up.text('typescript') + up.text('out'),
  );
  const record = join(dir, '.afterlog', 'up.json');
  assert.ok(existsSync(record));
  up.close();
  assert.equal(await up.ended(), 0, up.text('out'));
  assert.equal(existsSync(record), false, 'it has removed its address');
});
