import assert from 'node:assert/strict';
import { appendFileSync, truncateSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { AgentSite } from '../support/agent_site.ts';

const MIB = 1024 * 1024;

/** Rows of a console: texts of lines, and lengths of NULs. */
function contentOf(site: AgentSite, id: string): (string | number)[] {
  return site.spool
    .poll()
    .of(id, 'console')
    .rows.filter(({ record }) => record !== 'seal')
    .map(({ record, bytes, message }) =>
      record === 'nuls' ? (JSON.parse(message) as { bytes: number }).bytes : bytes.toString(),
    );
}

test('a hole of a sparse file is one row of its length, and what is around it is read', async (t) => {
  const site = new AgentSite();
  t.after(() => site.close());
  await site.start();
  site.make('sb');
  writeFileSync(site.path('sb'), 'before\n');
  await site.read('sb', 7);
  truncateSync(site.path('sb'), 40 * MIB);
  appendFileSync(site.path('sb'), 'between\n');
  await site.read('sb', 15);
  truncateSync(site.path('sb'), 90 * MIB);
  await site.flush('sb');
  site.delete('sb');
  const [stream] = await site.sealed('sb');
  assert.deepEqual(contentOf(site, 'sb'), ['before\n', 40 * MIB - 7, 'between\n', 50 * MIB - 8]);
  assert.deepEqual([stream!.seal!.gaps, stream!.seal!.bytes], [0, 90 * MIB]);
  await site.empty();
});

test('an agent that is killed in a hole, or behind it, tells it once and in full', async (t) => {
  const site = new AgentSite();
  t.after(() => site.close());
  await site.start();
  site.make('sb');
  writeFileSync(site.path('sb'), 'before\n');
  await site.read('sb', 7);
  truncateSync(site.path('sb'), 100 * MIB);
  for (let kills = 0; kills < 3; kills++) {
    await site.kill();
    await site.start();
  }
  await site.flush('sb');
  await site.kill();
  appendFileSync(site.path('sb'), 'after\n');
  await site.start();
  await site.read('sb', 13);
  site.delete('sb');
  await site.sealed('sb');
  assert.deepEqual(contentOf(site, 'sb'), ['before\n', 100 * MIB - 7, 'after\n']);
  await site.empty();
});

test('NULs that somebody wrote are the same', async (t) => {
  const site = new AgentSite();
  t.after(() => site.close());
  await site.start();
  site.make('sb');
  const few = '\0'.repeat(65_536);
  writeFileSync(site.path('sb'), Buffer.concat([Buffer.from('a'), Buffer.alloc(MIB), Buffer.from('b\n')]));
  appendFileSync(site.path('sb'), `few${few}\n`);
  await site.flush('sb');
  assert.deepEqual(contentOf(site, 'sb'), ['a', MIB, 'b\n', `few${few.slice(3)}`, '\0\0\0\n']);
});
