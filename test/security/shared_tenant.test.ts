import assert from 'node:assert/strict';
import { appendFileSync, chownSync, linkSync, lstatSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { AttackedAgent } from '../support/attacked_agent.ts';
import { asNobody, canBeOthers, NOBODY } from '../support/attacker.ts';
import { until } from '../support/patience.ts';

function makeOwn(path: string): string {
  mkdirSync(path);
  chownSync(path, NOBODY, NOBODY);
  return path;
}

test('a hard link to a file of root in a folder of a guest’s user gives no byte of it', async (t) => {
  if (!canBeOthers(t)) return;
  const agent = await AttackedAgent.start(t);
  const before = lstatSync(agent.secret);
  const folder = makeOwn(join(agent.vms, 'linked'));
  // fs.protected_hardlinks forbids it to others on most hosts, so root makes it in the place of the attacker.
  linkSync(agent.secret, join(folder, 'console.log'));
  linkSync(agent.secret, join(folder, 'console.log.1'));
  writeFileSync(join(folder, 'events.jsonl'), '{"a":1}\n');
  await agent.flush('linked');
  await agent.flush('beside');
  assert.equal(agent.stolen(), 0, 'rows with the secret');
  await until(() => /linked\/console\.log is a hard link to a file of another user/.test(agent.output));
  const { mode, uid, mtimeMs, nlink } = lstatSync(agent.secret);
  assert.deepEqual([mode, uid, mtimeMs, nlink], [before.mode, before.uid, before.mtimeMs, before.nlink + 2]);
});

test('the logs of a runtime in a guest’s folder are read, whoever owns them', async (t) => {
  if (!canBeOthers(t)) return;
  const agent = await AttackedAgent.start(t);
  // As root makes it, and as the guest's user does; rotated by a hard link, too.
  const [roots, guests] = ['roots', 'guests'].map((id) => makeOwn(join(agent.vms, id)));
  writeFileSync(join(roots!, 'console.log'), 'of root\n', { mode: 0o600 });
  const script = `cd ${guests} && echo of guest > console.log && ln console.log console.log.1 && ln console.log kept`;
  const { code, stderr } = await asNobody('sh', ['-c', script]);
  assert.equal(code, 0, stderr);
  for (const id of ['roots', 'guests']) await agent.flush(id);
  assert.equal(agent.linesOf('roots'), 'of root\n');
  assert.equal(agent.linesOf('guests'), 'of guest\n');
  await agent.restart();
  appendFileSync(join(roots!, 'console.log'), 'goes on\n');
  await until(() => agent.linesOf('roots') === 'of root\ngoes on\n');
});

test('sparse files of 1 TB take no room in the spool, and other logs do not wait for them', async (t) => {
  if (!canBeOthers(t)) return;
  const agent = await AttackedAgent.start(t);
  const ids = ['sparse-1', 'sparse-2', 'sparse-3'];
  for (const id of ids) {
    const path = join(makeOwn(join(agent.vms, id)), 'console.log');
    const { code, stderr } = await asNobody('sh', ['-c', `echo first > ${path} && truncate -s 1T ${path}`]);
    assert.equal(code, 0, stderr);
  }
  for (let line = 0; line < 20; line++) {
    appendFileSync(join(agent.vms, 'beside', 'console.log'), `line ${line}\n`);
    const { status, body } = await agent.flush('beside');
    assert.equal(status, 200, body);
    const bytes = ids.reduce((sum, id) => sum + agent.bytesOf(id), 0);
    // The first chunk of each, which is not only NULs.
    assert.ok(bytes < 1024 * 1024, `${bytes} bytes of holes became lines`);
    assert.ok(agent.linesOf('beside').endsWith(`line ${line}\n`));
  }
});
