import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { lockDir } from '../../src/spool/lock.ts';
import { AgentSite } from '../support/agent_site.ts';

test('a second agent on the same data dir is refused and told who holds it; the first goes on', async (t) => {
  const first = new AgentSite();
  t.after(() => first.close());
  await first.start();
  const second = new AgentSite();
  t.after(() => second.close());
  // The same data dir and another state dir, then the same of both.
  second.settings.data_dir = first.settings.data_dir;
  await assert.rejects(second.start(), new RegExp(`process ${first.pid}.*STATE_DIR_LOCKED`, 's'));
  second.settings.state_dir = first.settings.state_dir;
  await assert.rejects(second.start(), new RegExp(`process ${first.pid}.*STATE_DIR_LOCKED`, 's'));
  first.make('sb');
  writeFileSync(first.path('sb'), 'goes on\n');
  await first.read('sb', 8);
});

test('the lock of an agent that was killed is taken over', async (t) => {
  const site = new AgentSite();
  t.after(() => site.close());
  await site.start();
  await site.kill();
  assert.ok(existsSync(join(site.settings.state_dir, 'agent.lock')));
  await site.start();
});

test('a lock whose pid is another process by now is taken over', () => {
  const dir = mkdtempSync(join(tmpdir(), 'afterlog-lock-'));
  writeFileSync(join(dir, 'agent.lock'), JSON.stringify({ pid: process.pid, ticks: '1' }));
  lockDir(dir)();
  assert.deepEqual(readdirSync(dir), []);
});

test('a lock that was cut off by a power loss is taken over', () => {
  for (const content of ['', '{"pid":', 'null']) {
    const dir = mkdtempSync(join(tmpdir(), 'afterlog-lock-'));
    writeFileSync(join(dir, 'agent.lock'), content);
    lockDir(dir)();
    assert.deepEqual(readdirSync(dir), []);
  }
});

test('a state dir that cannot be made is named', () => {
  const dir = mkdtempSync(join(tmpdir(), 'afterlog-lock-'));
  writeFileSync(join(dir, 'file'), '');
  assert.throws(() => lockDir(join(dir, 'file', 'state')), { code: 'STATE_DIR_UNUSABLE' });
  mkdirSync(join(dir, 'state'));
  lockDir(join(dir, 'state'));
  assert.throws(() => lockDir(join(dir, 'state')), { code: 'STATE_DIR_LOCKED' });
});
