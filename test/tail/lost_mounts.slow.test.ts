import assert from 'node:assert/strict';
import { appendFileSync, chmodSync, chownSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { AgentSite } from '../support/agent_site.ts';
import { canBeOthers, NOBODY } from '../support/attacker.ts';
import { Mounts } from '../support/mounts.ts';
import { until } from '../support/patience.ts';
import { bytesOf } from '../support/streams.ts';
import { TailHost } from '../support/tail_host.ts';

/** The server of a data dir has died after 4 bytes were read, and the agent has said so. Null: mounting is refused. */
async function deadDataDir(t: TestContext) {
  const mounts = new Mounts(t);
  const [data, behind] = [mounts.folder('data'), mounts.folder('behind')];
  const server = await mounts.bindfs(behind, data);
  if (server === null) return null;
  const host = new TailHost(t, undefined, data);
  host.write('sb', 'one\n');
  await host.read('sb', 4);
  await server.die();
  await host.eventually('it says so', () => /cannot be seen/.test(host.tailer.lastError ?? ''));
  return { mounts, host, data, behind };
}

test('The server of the data dir dies, and it is mounted again: all is read, and no sandbox is forgotten', async (t) => {
  const dead = await deadDataDir(t);
  if (dead === null) return;
  const { mounts, host, data, behind } = dead;
  const drained = await host.tailer.drain('sb', AbortSignal.timeout(200));
  assert.notDeepEqual(drained?.unread, []);
  mounts.unmount(data);
  if ((await mounts.bindfs(behind, data)) === null) return;
  host.write('sb', 'two\n');
  host.write('new', 'three\n');
  await host.read('sb', 8);
  await host.read('new', 6);
  assert.equal(host.streams('sb').length, 1);
  host.delete('sb');
  const [stream] = await host.sealed('sb');
  assert.equal(String(bytesOf(host.streams('sb'))), 'one\ntwo\n');
  assert.deepEqual(stream!.gaps, []);
});

test('A sandbox is rotated, written and deleted while the server of the data dir is dead: a gap says that nobody watched', async (t) => {
  const dead = await deadDataDir(t);
  if (dead === null) return;
  const { mounts, host, data, behind } = dead;
  const path = join(behind, 'vms', 'sb', 'console.log');
  appendFileSync(path, 'two\n');
  renameSync(path, `${path}.1`);
  writeFileSync(path, 'unseen\n');
  rmSync(join(behind, 'vms', 'sb'), { recursive: true });
  mounts.unmount(data);
  if ((await mounts.bindfs(behind, data)) === null) return;
  const [stream] = await host.sealed('sb');
  assert.equal(String(stream!.bytes), 'one\ntwo\n');
  assert.match(stream!.gaps[0]!.reason, /^nobody watched from /);
  assert.equal(stream!.seal!.complete, false);
});

test('The server of one sandbox dies: the others are read on', async (t) => {
  const mounts = new Mounts(t);
  const data = mounts.folder('data');
  const host = new TailHost(t, undefined, data);
  const [own, behind] = [join(host.vms, 'own'), mounts.folder('behind')];
  mkdirSync(own);
  const server = await mounts.bindfs(behind, own);
  if (server === null) return;
  host.write('own', 'one\n');
  host.write('other', 'first\n');
  await host.read('own', 4);
  await host.read('other', 6);
  await server.die();
  host.write('other', 'second\n');
  await host.read('other', 13);
  await host.eventually('it is its trouble', () => host.tailer.sandboxes.get('own')!.failure !== '');
  assert.equal(host.tailer.sandboxes.get('other')!.failure, '');
});

test('The rights on the folder of sandboxes are taken away and given back: the agent runs on and reads all', async (t) => {
  if (!canBeOthers(t)) return;
  const site = new AgentSite();
  t.after(() => site.close());
  t.after(() => site.kill());
  const { data_dir, state_dir } = site.settings;
  mkdirSync(state_dir, { recursive: true });
  for (const path of [site.dir, data_dir, site.vms, state_dir]) {
    chownSync(path, NOBODY, NOBODY);
    chmodSync(path, 0o755);
  }
  const write = (id: string, text: string): void => {
    mkdirSync(join(site.vms, id), { recursive: true });
    appendFileSync(join(site.vms, id, 'console.log'), text);
    chownSync(join(site.vms, id), NOBODY, NOBODY);
    chownSync(join(site.vms, id, 'console.log'), NOBODY, NOBODY);
  };
  write('sb', 'one\n');
  await site.start(NOBODY);
  await site.flush('sb');
  chmodSync(site.vms, 0o000);
  write('sb', 'two\n');
  write('new', 'three\n');
  await until(() => site.output.includes('DATA_DIR_UNREADABLE'), 'it says so');
  assert.ok(site.isRunning);
  chmodSync(site.vms, 0o755);
  await site.flush('sb');
  await site.flush('new');
  assert.equal(String(bytesOf(site.streams('sb'))), 'one\ntwo\n');
  assert.equal(String(bytesOf(site.streams('new'))), 'three\n');
});
