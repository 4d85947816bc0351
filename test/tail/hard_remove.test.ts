import assert from 'node:assert/strict';
import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { AgentSite } from '../support/agent_site.ts';
import { Mounts } from '../support/mounts.ts';

test('FUSE with hard_remove takes deleted files from their descriptors: what was read is stored, the rest is a gap', async (t) => {
  const site = new AgentSite({ vms: false });
  t.after(() => site.kill());
  const mounts = new Mounts(t);
  t.after(() => site.close());
  const server = await mounts.plainFuse(mounts.folder('behind'), site.settings.data_dir, ['hard_remove']);
  if (server === null) return;
  mkdirSync(site.vms);
  await site.start();
  for (const id of ['read', 'unread']) {
    site.make(id);
    writeFileSync(site.path(id), 'one\n');
    await site.flush(id);
  }
  site.delete('read');
  site.atOnce(() => {
    appendFileSync(site.path('unread'), 'two\n');
    site.delete('unread');
  });
  for (const id of ['read', 'unread']) {
    const [stream] = await site.sealed(id);
    assert.equal(String(stream!.bytes), 'one\n');
    assert.deepEqual([stream!.seal!.reason, stream!.seal!.complete], ['deleted', false]);
    assert.match(stream!.gaps[0]!.reason, /its file system takes deleted files away/);
  }
  await site.empty();
  assert.doesNotMatch(site.output, /FILE_UNREADABLE/);
});
