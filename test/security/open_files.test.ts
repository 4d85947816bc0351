import assert from 'node:assert/strict';
import {
  appendFileSync,
  chmodSync,
  chownSync,
  closeSync,
  fstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { asNobody, canBeOthers, NOBODY } from '../support/attacker.ts';
import { until } from '../support/patience.ts';
import { releasedRole } from '../support/released.ts';
import type { RoleProcess } from '../support/roles.ts';
import { SpoolRows } from '../support/spool_rows.ts';
import { temporaryDir } from '../support/temporary.ts';

/** Any other user: owner of consoles that neither root nor `nobody` made. */
const GUEST_USER = 54_321;

/** A host with an agent whose ClickHouse is away, so that everything stays on its disk. */
class Host {
  readonly data: string;
  readonly state: string;
  readonly agent: RoleProcess;
  private readonly spool: SpoolRows;

  constructor(t: TestContext, dir: string, state = join(dir, 'state')) {
    // Everybody may come as far as this folder.
    chmodSync(dir, 0o755);
    this.data = join(dir, 'data');
    this.state = state;
    mkdirSync(join(this.data, 'vms'), { recursive: true });
    this.spool = new SpoolRows(join(state, 'spool'));
    this.agent = releasedRole(t, ['agent'], {
      AFTERLOG_DATA_DIR: this.data,
      AFTERLOG_STATE_DIR: state,
      AFTERLOG_CLICKHOUSE_URL: 'http://127.0.0.1:1',
      AFTERLOG_AGENT_LISTEN: '127.0.0.1:0',
    });
  }

  /** A console that only its owner may read. */
  console(sandbox: string, text: string): string {
    mkdirSync(join(this.data, 'vms', sandbox), { recursive: true });
    const path = join(this.data, 'vms', sandbox, 'console.log');
    writeFileSync(path, text);
    chmodSync(path, 0o600);
    chownSync(path, GUEST_USER, GUEST_USER);
    // A time that no accident gives it.
    utimesSync(path, 1_700_000_000, 1_700_000_000);
    return path;
  }

  async spooled(sandbox: string, lines: number): Promise<void> {
    const found = (): number => {
      const { rows } = this.spool.poll().of(sandbox, 'console');
      return rows.filter(({ record }) => record === 'line').length;
    };
    await until(
      () => found() >= lines,
      () => `${lines} lines of ${sandbox}: ${found()}\n${this.agent.output}`,
    );
  }
}

/** What `nobody` can see of these folders: each file whose content it can read, and each name it can list. */
async function seenByNobody(...dirs: string[]): Promise<string[]> {
  const script = 'for dir; do find "$dir" -mindepth 1 -readable; done';
  const { stdout } = await asNobody('sh', ['-c', script, 'sh', ...dirs]);
  return stdout.split('\n').filter(Boolean);
}

/** Mode, owner and time of a console, whatever names it has. */
function lookOf(fd: number): string {
  const { mode, uid, gid, mtimeMs } = fstatSync(fd);
  return `${(mode & 0o7777).toString(8)} ${uid}:${gid} ${mtimeMs}`;
}

test('another user reads nothing of spool, states and pins, also after rotation and deletion', async (t) => {
  if (!canBeOthers(t)) return;
  const host = new Host(t, await temporaryDir(t));
  const path = host.console('sb', 'password=hunter2\nan unfinished li');
  host.agent.start();
  await host.spooled('sb', 1);
  renameSync(path, `${path}.1`);
  host.console('sb', 'after the rotation\n');
  await host.spooled('sb', 3);
  rmSync(join(host.data, 'vms', 'sb'), { recursive: true });
  host.console('held', 'still there\n');
  await host.spooled('held', 1);
  const folders = [host.state, join(host.data, '.afterlog')];
  assert.deepEqual(await seenByNobody(...folders), []);
});

test('consoles keep mode, owner and time while the agent pins, follows and seals them', async (t) => {
  if (!canBeOthers(t)) return;
  const host = new Host(t, await temporaryDir(t));
  const paths = ['gone', 'rotated', 'stays'].map((id) => host.console(id, `line of ${id}\n`));
  chmodSync(paths[1]!, 0o664);
  chmodSync(paths[2]!, 0o444);
  const opened = paths.map((path) => openSync(path, 'r'));
  t.after(() => opened.forEach(closeSync));
  const before = opened.map(lookOf);
  host.agent.start();
  for (const id of ['gone', 'rotated', 'stays']) await host.spooled(id, 1);
  rmSync(join(host.data, 'vms', 'gone'), { recursive: true });
  renameSync(paths[1]!, `${paths[1]}.1`);
  host.console('rotated', 'next\n');
  await host.spooled('rotated', 2);
  await host.agent.kill();
  // A start repairs what an earlier version left open; a pin is not part of that.
  host.agent.start();
  appendFileSync(join(host.data, 'vms', 'rotated', 'console.log'), 'more\n');
  await host.spooled('rotated', 3);
  assert.deepEqual(opened.map(lookOf), before);
});

test('folders and files that an earlier version left open are closed at the start', async (t) => {
  if (!canBeOthers(t)) return;
  const host = new Host(t, await temporaryDir(t));
  const path = host.console('sb', 'first\n');
  const pin = openSync(path, 'r');
  t.after(() => closeSync(pin));
  host.agent.start();
  await host.spooled('sb', 1);
  await host.agent.kill();
  const pins = join(host.data, '.afterlog', 'pins');
  mkdirSync(join(host.state, 'refused'), { recursive: true });
  writeFileSync(join(host.state, 'refused', 'h-1-1.batch'), 'a batch');
  for (const dir of [
    host.state,
    join(host.state, 'spool'),
    join(host.state, 'refused'),
    pins,
    join(pins, '..'),
  ]) {
    chmodSync(dir, 0o755);
    if (dir === pins) continue;
    for (const name of readdirSync(dir)) {
      const file = join(dir, name);
      if (statSync(file).isFile()) chmodSync(file, 0o644);
    }
  }
  const before = lookOf(pin);
  host.agent.start();
  appendFileSync(path, 'second\n');
  await host.spooled('sb', 2);
  const folders = [host.state, join(host.data, '.afterlog')];
  assert.deepEqual(await seenByNobody(...folders), []);
  // The files too: an operator may open the folder for a moment.
  for (const dir of [join(host.state, 'spool'), join(host.state, 'refused')]) {
    for (const name of readdirSync(dir)) {
      assert.equal(statSync(join(dir, name)).mode & 0o777, 0o600, join(dir, name));
    }
  }
  assert.equal(lookOf(pin).split(' ')[0], before.split(' ')[0], 'a pin keeps its mode');
});

for (const trap of ['folder', 'link'] as const) {
  test(`a state dir that another user made first in a shared folder, as a ${trap}, gets nothing`, async (t) => {
    if (!canBeOthers(t)) return;
    const dir = await temporaryDir(t);
    const shared = join(dir, 'shared');
    const taken = join(shared, 'afterlog');
    const attackers = trap === 'folder' ? taken : join(dir, 'attackers');
    mkdirSync(shared);
    chmodSync(shared, 0o1777);
    mkdirSync(attackers);
    chownSync(attackers, NOBODY, NOBODY);
    if (trap === 'link') {
      chmodSync(dir, 0o755);
      const made = await asNobody('ln', ['-s', attackers, taken]);
      assert.equal(made.code, 0, made.stderr);
    }
    const host = new Host(t, dir, join(taken, 'state'));
    host.console('sb', 'password=hunter2\n');
    host.agent.start();
    await until(() => !host.agent.isRunning || readdirSync(attackers).length > 0);
    assert.deepEqual(readdirSync(attackers), [], 'nothing is written where the other user leads');
    assert.match(host.agent.output, /STATE_DIR_FOREIGN/);
  });
}

test('a folder that holds other things keeps its mode, and the folders in it are closed', async (t) => {
  if (!canBeOthers(t)) return;
  const dir = await temporaryDir(t);
  const host = new Host(t, dir, join(dir, 'lib'));
  mkdirSync(host.state, { mode: 0o755 });
  writeFileSync(join(host.state, 'of somebody else'), 'public');
  host.console('sb', 'password=hunter2\n');
  host.agent.start();
  await host.spooled('sb', 1);
  assert.equal(statSync(host.state).mode & 0o777, 0o755);
  const seen = await seenByNobody(host.state);
  assert.deepEqual(
    seen.filter((path) => !path.endsWith('of somebody else')),
    [],
  );
  assert.match(host.agent.output, /STATE_DIR_OPEN.*of somebody else/);
});
