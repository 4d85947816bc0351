import assert from 'node:assert/strict';
import { appendFileSync, mkdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { AgentSite } from '../support/agent_site.ts';
import { Mounts } from '../support/mounts.ts';

test('a log of the lower layer of overlayfs, which a link copies to the upper one, is one stream', async (t) => {
  const site = new AgentSite({ vms: false });
  t.after(() => site.kill());
  const mounts = new Mounts(t);
  t.after(() => site.close());
  const lower = mounts.folder('lower');
  mkdirSync(join(lower, 'vms', 'sb'), { recursive: true });
  writeFileSync(join(lower, 'vms', 'sb', 'console.log'), 'of the image\n');
  if (!mounts.overlay(lower, site.settings.data_dir)) return;
  await site.start();
  await site.read('sb', 13);
  appendFileSync(site.path('sb'), 'of now\n');
  await site.flush('sb');
  await site.kill();
  appendFileSync(site.path('sb'), 'of later\n');
  await site.start();
  await site.flush('sb');
  assert.equal(statSync(join(lower, 'vms', 'sb', 'console.log')).size, 13);
  site.delete('sb');
  const streams = await site.sealed('sb');
  assert.deepEqual(
    streams.map(({ bytes, gaps, seal }) => [String(bytes), gaps, seal!.complete]),
    [['of the image\nof now\nof later\n', [], true]],
  );
  await site.empty();
});
