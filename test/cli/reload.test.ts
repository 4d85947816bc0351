import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Reloader } from '../../src/cli/reload.ts';
import { loadSettings } from '../../src/config/settings.ts';
import { overrideLimits } from '../support/limits.ts';
import { collectLog } from '../support/log.ts';
import { until } from '../support/patience.ts';
import { temporaryDir } from '../support/temporary.ts';

test('a fault that nobody thought of ends no daemon: it is reported again and again, and the next look goes on', async (t) => {
  const file = join(await temporaryDir(t), 'token');
  writeFileSync(file, 'the-first-token-of-all');
  process.env.AFTERLOG_AGENT_TOKEN_FILE = file;
  t.after(() => delete process.env.AFTERLOG_AGENT_TOKEN_FILE);
  overrideLimits({ server: { secret_files_ms: 5, secret_fault_ms: 20 } });
  const said = collectLog(t);
  const settings = loadSettings({}, {});
  let isWrong = true;
  const fail = (): void => {
    if (isWrong) throw new TypeError('x is not a function');
  };
  const taken: unknown[] = [];
  const role = {
    reloads: ['agent_token'],
    reload: (next: typeof settings) => {
      fail();
      taken.push(next.agent_token);
      return {};
    },
  };
  const reloader = new Reloader('agent', role, {
    settings,
    all: () => loadSettings({}, process.env),
    secrets: () => ({ agent_token: 'the-first-token-of-all' }),
  });
  reloader.all();
  const watch = reloader.watch()!;
  t.after(() => clearInterval(watch));
  const reports = (): string[] => said.filter((line) => /INTERNAL.*keeps its old settings/.test(line));
  await until(() => reports().length >= 3);
  isWrong = false;
  await until(() => taken.length > 0);
  assert.deepEqual(taken, ['the-first-token-of-all']);
});
