import assert from 'node:assert/strict';
import { appendFileSync, truncateSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { AgentSite } from '../support/agent_site.ts';

const MIB = 1024 * 1024;

/** Rows of a console: texts of lines, and lengths of gaps. */
function contentOf(site: AgentSite, id: string): (string | number)[] {
  return site.spool
    .poll()
    .of(id, 'console')
    .rows.filter(({ record }) => record !== 'seal')
    .map(({ record, bytes, message }) =>
      record === 'gap' ? (JSON.parse(message) as { bytes: number }).bytes : bytes.toString(),
    );
}

test('a hole of a sparse file is one gap row of its length, and what is around it is read', async (t) => {
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
  assert.equal(stream!.seal!.gaps, 2);
  await site.empty();
});

test('an agent that is killed in a hole, or behind it, tells it once and in full', async (t) => {
  const site = new AgentSite();
  t.after(() => site.close());
  await site.start();
  site.make('sb');
  writeFileSync(site.path('sb'), 'before\n');
  await site.read('sb', 7);
  truncateSync(site.path('sb'), 600 * MIB);
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
  assert.deepEqual(contentOf(site, 'sb'), ['before\n', 600 * MIB - 7, 'after\n']);
  await site.empty();
});

test('NULs that somebody wrote are lines', async (t) => {
  const site = new AgentSite();
  t.after(() => site.close());
  await site.start();
  site.make('sb');
  const bytes = Buffer.concat([Buffer.alloc(MIB), Buffer.from('\n')]);
  writeFileSync(site.path('sb'), bytes);
  await site.read('sb', bytes.length);
  assert.deepEqual(
    Buffer.concat(
      site.spool
        .poll()
        .of('sb', 'console')
        .rows.map((row) => row.bytes),
    ),
    bytes,
  );
});
