import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { AgentSite } from '../support/agent_site.ts';
import { asUser, diagnose, environmentOf, OTHER_USER } from '../support/doctor.ts';
import { mountedSite } from '../support/mounted_site.ts';

/** A data dir; what is mounted on it goes before it. */
function siteOf(t: TestContext): { site: AgentSite; mount(dir: string, size: string): void } {
  const site = new AgentSite();
  const mounted: string[] = [];
  t.after(async () => {
    for (const dir of mounted) execFileSync('umount', ['-l', dir]);
    await site.close();
  });
  const mount = (dir: string, size: string): void => {
    mkdirSync(dir, { recursive: true });
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', dir]);
    mounted.push(dir);
  };
  return { site, mount };
}

/** A sandbox whose console belongs to root. */
function addLog(site: AgentSite, mode: number): void {
  site.make('sb');
  writeFileSync(site.path('sb'), 'secret\n');
  chmodSync(site.path('sb'), mode);
}

function siteWithLog(t: TestContext, mode = 0o600): AgentSite {
  const { site } = siteOf(t);
  addLog(site, mode);
  return site;
}

/** Gives data and state dir to the other user; sandboxes stay root's. */
function giveAway(site: AgentSite): void {
  mkdirSync(site.settings.state_dir, { recursive: true });
  for (const dir of [site.dir, site.settings.data_dir, site.settings.state_dir])
    chownSync(dir, OTHER_USER, OTHER_USER);
}

/** Everything below a folder, with what a look must not change. */
const contents = (dir: string): string[] =>
  readdirSync(dir, { recursive: true, encoding: 'utf8' }).map((name) => {
    const stats = statSync(join(dir, name));
    return [name, stats.nlink, stats.size, stats.mode, stats.isFile() ? stats.mtimeMs : ''].join(' ');
  });

test('a host where all fits has no error, and is left as it was', async (t) => {
  const site = siteWithLog(t);
  const before = contents(site.dir);
  const found = await diagnose({ AFTERLOG_DATA_DIR: site.settings.data_dir });
  assert.match(found.one('files/readable').message, /1 sandbox in .*vms.*1 log/);
  assert.match(found.one('pins/link').message, /hard link from .*sb\/console\.log \(owner root\).* works/);
  for (const group of ['files', 'pins', 'inotify', 'limits'] as const)
    assert.deepEqual([...new Set(found.of(group).map(({ level }) => level))], ['ok'], group);
  assert.equal(found.one('state/lock').level, 'note');
  assert.deepEqual(contents(site.dir), before);
});

test('a user who may not read or link the logs is told whose they are, and what is missing', async (t) => {
  const site = siteWithLog(t);
  giveAway(site);
  const found = await diagnose(environmentOf(site.settings), asUser(OTHER_USER));
  const readable = found.one('files/readable');
  assert.equal(readable.level, 'error');
  assert.match(
    readable.message,
    /nobody may not read 1 log, such as .*console\.log \(owner root, mode 0600\)/,
  );
  assert.match(readable.cure!, /as root, or give it CAP_DAC_READ_SEARCH/);
  const link = found.one('pins/link');
  const isProtected = readFileSync('/proc/sys/fs/protected_hardlinks', 'utf8').trim() === '1';
  assert.equal(link.level, isProtected ? 'error' : 'ok');
  if (isProtected) assert.match(link.message, /fs\.protected_hardlinks is 1, and it lacks CAP_FOWNER/);
  assert.equal(found.one('state/writable').level, 'ok');
  assert.equal(found.code, 1);
});

test('with the capabilities that are named, the same user may', async (t) => {
  const site = siteWithLog(t);
  giveAway(site);
  const through = asUser(OTHER_USER, 'fowner', 'dac_read_search');
  const found = await diagnose(environmentOf(site.settings), through);
  for (const name of ['files/readable', 'pins/link']) assert.equal(found.one(name).level, 'ok', name);
});

test('a data dir that this user may not write: the command that makes the folders is given, and helps', async (t) => {
  const site = siteWithLog(t, 0o666);
  const environment = { AFTERLOG_DATA_DIR: site.settings.data_dir };
  execFileSync('chmod', ['755', site.dir]);
  const found = await diagnose(environment, asUser(OTHER_USER));
  for (const name of ['pins/writable', 'state/writable']) {
    const { level, command } = found.one(name);
    assert.equal(level, 'error');
    execFileSync('sh', ['-c', command!.replace(/^sudo /, '')]);
  }
  const mended = await diagnose(environment, asUser(OTHER_USER));
  for (const name of ['pins/link', 'state/writable']) assert.equal(mended.one(name).level, 'ok', name);
});

test('logs on another file system than the pins: said with a log to try, and without one', async (t) => {
  const { site, mount } = siteOf(t);
  mount(site.vms, '1m');
  const environment = { AFTERLOG_DATA_DIR: site.settings.data_dir };
  assert.match((await diagnose(environment)).one('pins/link').message, /vms.* is on another file system/);
  addLog(site, 0o600);
  const link = (await diagnose(environment)).one('pins/link');
  assert.match(link.message, /sb\/console\.log is on another file system or mount than/);
  // What is advised there mends it.
  const advised = { AFTERLOG_DATA_DIR: site.vms, AFTERLOG_LAYOUT: '{sandbox}/{log}' };
  assert.equal((await diagnose(advised)).one('pins/link').level, 'ok');
});

test('logs on plain FUSE: a link has another inode number; with descriptors instead, that is no error', async (t) => {
  const site = await mountedSite(t, 'a plain FUSE file system');
  if (site === null) return;
  addLog(site, 0o600);
  const environment = { AFTERLOG_DATA_DIR: site.settings.data_dir };
  const link = (await diagnose(environment)).one('pins/link');
  assert.deepEqual(
    [link.level, /sb\/console\.log has another inode number/.test(link.message)],
    ['error', true],
  );
  assert.match(link.cure!, /AFTERLOG_PINS=descriptor/);
  const found = await diagnose({ ...environment, AFTERLOG_PINS: 'descriptor' });
  assert.equal(found.one('pins/link').level, 'note');
});

test('a state dir on a small file system in memory, then read-only', async (t) => {
  const { site, mount } = siteOf(t);
  const { state_dir } = site.settings;
  mount(state_dir, '200m');
  const small = await diagnose(environmentOf(site.settings));
  assert.equal(small.one('state/writable').level, 'ok');
  assert.match(small.one('disk/state_file_system').message, /tmpfs/);
  const levels = (): [string, string][] =>
    small.all('disk/free').map((one) => [one.message.slice(0, 9), one.level]);
  assert.deepEqual(levels(), [
    ['State dir', 'warning'],
    ['Data dir ', 'ok'],
  ]);
  execFileSync('mount', ['-o', 'remount,ro', state_dir]);
  const sealed = (await diagnose(environmentOf(site.settings))).one('state/writable');
  assert.equal(sealed.level, 'error');
  assert.match(sealed.message, /EROFS/);
});

test('a running agent is named, and that it is another user; a killed one left its lock', async (t) => {
  const site = siteWithLog(t, 0o644);
  giveAway(site);
  await site.start(OTHER_USER);
  const found = await diagnose(environmentOf(site.settings));
  const locks = found.all('state/lock');
  assert.equal(locks.length, 2, 'of data dir and of state dir');
  for (const { message } of locks) assert.match(message, new RegExp(`process ${site.pid}\\b`));
  assert.equal(found.all('state/user')[0]!.command, 'sudo -u nobody afterlog doctor');
  assert.match(found.one('limits/open_files').message, new RegExp(`of the agent, process ${site.pid}`));
  await site.kill();
  const left = (await diagnose(environmentOf(site.settings))).all('state/lock');
  assert.deepEqual(
    left.map(({ level, message }) => [level, /killed left its lock/.test(message)]),
    [
      ['note', true],
      ['note', true],
    ],
  );
});

test('too few open files for this shell are an error', async (t) => {
  const site = siteWithLog(t);
  const through = ['sh', '-c', 'ulimit -n 200; exec "$@"', 'sh'];
  const found = await diagnose({ AFTERLOG_DATA_DIR: site.settings.data_dir }, through);
  assert.match(found.one('limits/open_files').message, /Open files: 200 .*needed: about 256/);
});

test('a data dir that is set and missing is an error; one without sandboxes is not', async (t) => {
  const site = new AgentSite({ vms: false });
  t.after(() => site.close());
  const absent = await diagnose({ AFTERLOG_DATA_DIR: join(site.dir, 'nowhere') });
  assert.equal(absent.one('setup/data_dir').level, 'error');
  assert.deepEqual(absent.of('files'), []);
  const empty = await diagnose({ AFTERLOG_DATA_DIR: site.settings.data_dir });
  assert.match(empty.one('files/sandboxes').message, /There is no folder .*vms.* yet/);
  assert.equal(empty.one('files/sandboxes').level, 'note');
});

test('folders and files that other users may enter or read are named, with the command that closes them', async (t) => {
  const site = siteWithLog(t);
  const { state_dir, data_dir } = site.settings;
  await site.start();
  await site.kill();
  const closed = (await diagnose(environmentOf(site.settings))).one('state/private');
  assert.deepEqual([closed.level, closed.message], ['ok', `Only user root may enter ${state_dir}.`]);
  const spool = join(state_dir, 'spool');
  for (const dir of [state_dir, spool, join(data_dir, '.afterlog')]) chmodSync(dir, 0o755);
  for (const name of readdirSync(spool)) chmodSync(join(spool, name), 0o644);
  const open = (await diagnose(environmentOf(site.settings))).all('state/private');
  assert.deepEqual([...new Set(open.map(({ level }) => level))], ['warning']);
  assert.equal(open.length, 4);
  assert.match(
    open.map(({ message }) => message).join(),
    /has the mode 0755.*\d files? in .*spool may be read/,
  );
  for (const { command } of open) execFileSync('sh', ['-c', command!.replace(/^sudo /, '')]);
  assert.equal((await diagnose(environmentOf(site.settings))).one('state/private').level, 'ok');
  chmodSync(state_dir, 0o755);
  writeFileSync(join(state_dir, 'notes'), '');
  const shared = (await diagnose(environmentOf(site.settings))).one('state/private');
  assert.deepEqual([shared.level, shared.command], ['warning', undefined]);
  assert.match(shared.cure!, /also holds "notes"/);
});
