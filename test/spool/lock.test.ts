import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { lockDir } from '../../src/spool/lock.ts';
import { AgentSite } from '../support/agent_site.ts';
import { until } from '../support/patience.ts';

test('a second agent on the same data dir is refused and told who holds it; the first goes on', async (t) => {
  const first = new AgentSite();
  t.after(() => first.close());
  await first.start();
  const second = new AgentSite();
  t.after(() => second.close());
  // The same data dir and another state dir, then the same of both.
  second.settings.data_dir = first.settings.data_dir;
  await assert.rejects(second.start(), new RegExp(`process ${first.pid}.*DATA_DIR_LOCKED`, 's'));
  const itsOwn = second.settings.state_dir;
  second.settings.state_dir = first.settings.state_dir;
  await assert.rejects(second.start(), new RegExp(`process ${first.pid}.*DATA_DIR_LOCKED`, 's'));
  // And the same state dir only.
  second.settings.data_dir = join(itsOwn, '..', 'data');
  await assert.rejects(second.start(), new RegExp(`process ${first.pid}.*STATE_DIR_LOCKED`, 's'));
  // Who it is, where, and since when, for whoever has to find it.
  const since = /\d{4}-\d\d-\d\dT[\d:.]+Z/.source;
  await assert.rejects(second.start(), new RegExp(`process ${first.pid} on ${hostname()} since ${since}\\.`));
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

test('a lock whose process has ended is taken over, though its parent does not ask how', async (t) => {
  const parent = spawn('sh', ['-c', 'sleep 600 & echo $!; exec sleep 600'], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  t.after(() => parent.kill('SIGKILL'));
  const [line] = (await once(parent.stdout, 'data')) as [Buffer];
  const pid = Number(line);
  // Until then the shell may still ask.
  await until(() => readFileSync(`/proc/${parent.pid}/comm`, 'utf8') === 'sleep\n');
  t.after(() => {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {} // Its parent has ended too, and so it is gone.
  });
  const fields = (): string[] => {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  };
  const dir = mkdtempSync(join(tmpdir(), 'afterlog-lock-'));
  writeFileSync(join(dir, 'agent.lock'), JSON.stringify({ pid, ticks: fields()[19] }));
  assert.throws(() => lockDir(dir), { code: 'STATE_DIR_LOCKED' });
  process.kill(pid, 'SIGKILL');
  await until(() => fields()[0] === 'Z');
  lockDir(dir)();
  assert.deepEqual(readdirSync(dir), []);
});

test('a lock of another container counts while it is touched; one of another boot of this machine never', () => {
  const dir = mkdtempSync(join(tmpdir(), 'afterlog-lock-'));
  const path = join(dir, 'agent.lock');
  const unlock = lockDir(dir);
  const own = JSON.parse(readFileSync(path, 'utf8')) as object;
  unlock();
  const leave = (owner: object, age_s: number): void => {
    writeFileSync(path, JSON.stringify({ ...own, ...owner }));
    const at = new Date(Date.now() - age_s * 1_000);
    utimesSync(path, at, at);
  };
  // Process 1 lives here too, started at another time.
  const elsewhere = { pid: 1, ticks: '1', pid_namespace: 'pid:[1]' };
  leave(elsewhere, 0);
  assert.throws(() => lockDir(dir), {
    code: 'STATE_DIR_LOCKED',
    message: /process 1 on .* since .*, in another container/,
  });
  assert.deepEqual(readdirSync(dir), ['agent.lock']);
  leave(elsewhere, 60);
  lockDir(dir)();
  assert.deepEqual(readdirSync(dir), []);
  // The state dir may be shared by machines.
  leave({ boot: 'another', host: 'elsewhere' }, 0);
  assert.throws(() => lockDir(dir), {
    code: 'STATE_DIR_LOCKED',
    message: /on elsewhere since .*, in another machine/,
  });
  leave({ boot: 'another', host: 'elsewhere' }, 60);
  lockDir(dir)();
  leave({ boot: 'another' }, 0);
  lockDir(dir)();
  assert.deepEqual(readdirSync(dir), []);
});

test('a lock is touched by its holder, who leaves it alone once it is another’s', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'afterlog-lock-'));
  const path = join(dir, 'agent.lock');
  const unlock = lockDir(dir);
  const long_ago = new Date(0);
  utimesSync(path, long_ago, long_ago);
  await until(() => statSync(path).mtimeMs !== 0);
  const anothers = JSON.stringify({ pid: 1, ticks: '1', pid_namespace: 'pid:[1]', boot: 'b' });
  rmSync(path);
  writeFileSync(path, anothers);
  unlock();
  assert.equal(readFileSync(path, 'utf8'), anothers);
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
