import assert from 'node:assert/strict';
import { appendFileSync, chmodSync, writeFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { AgentSite } from '../support/agent_site.ts';
import { rotate } from '../support/rotate.ts';
import { bytesOf } from '../support/streams.ts';

describe('flush', { concurrency: true }, () => {
  const site = new AgentSite();
  before(() => site.start());
  after(() => site.close());

  test('returns when all that was written is safe: it may be truncated then, a line without its end too', async () => {
    site.make('wake');
    writeFileSync(site.path('wake'), `${'a line\n'.repeat(20_000)}login: `);
    await site.flush('wake');
    writeFileSync(site.path('wake'), 'second life\n');
    await site.flush('wake');
    site.delete('wake');
    const [first, second] = await site.sealed('wake', 2);
    assert.equal(first!.bytes.toString(), `${'a line\n'.repeat(20_000)}login: `);
    assert.equal(second!.bytes.toString(), 'second life\n');
  });

  test('waits for a rotated file and the one behind it', async () => {
    site.make('rotated');
    writeFileSync(site.path('rotated'), 'one\n');
    await site.pinned('rotated');
    rotate(site.path('rotated'));
    appendFileSync(site.path('rotated'), 'two\nthr');
    await site.flush('rotated');
    // After 2 s, the unfinished line is stored too.
    assert.match(bytesOf(site.streams('rotated')).toString(), /^one\ntwo\n(thr)?$/);
  });

  test('of a sandbox that was just deleted: its seal is safe too', async () => {
    site.make('deleted');
    writeFileSync(site.path('deleted'), 'last words');
    await site.pinned('deleted');
    site.delete('deleted');
    await site.flush('deleted');
    const [stream] = site.streams('deleted');
    assert.equal(stream!.bytes.toString(), 'last words');
    assert.equal(stream!.seal!.reason, 'deleted');
  });

  test('an id that was never here is named', async () => {
    await assert.rejects(site.flush('nobody'), /No log of sandbox 'nobody' is open on this host/);
  });
});

test('flush names the log that cannot be read', async (t) => {
  const site = new AgentSite();
  t.after(() => site.close());
  site.make('locked');
  writeFileSync(site.path('locked'), 'secret\n');
  chmodSync(site.dir, 0o777);
  chmodSync(`${site.dir}/data`, 0o777);
  chmodSync(site.path('locked'), 0o600);
  await site.start(65534);
  assert.match((await site.flushOnce('locked'))!, /sandbox 'locked' are safe after 10 s: .*console/s);
});

test('an unfinished line that was flushed survives kill -9 of the agent and a truncation while it is down', async (t) => {
  const site = new AgentSite();
  t.after(() => site.close());
  await site.start();
  site.make('sb');
  writeFileSync(site.path('sb'), 'whole\nhalf a li');
  await site.flush('sb');
  await site.kill();
  writeFileSync(site.path('sb'), 'the next life, longer than the one before\n');
  await site.start();
  await site.flush('sb');
  site.delete('sb');
  const [first, second] = await site.sealed('sb', 2);
  assert.equal(first!.bytes.toString(), 'whole\nhalf a li');
  assert.equal(second!.bytes.toString(), 'the next life, longer than the one before\n');
});

test('an unfinished line that was flushed is a row even if its file is gone and no pin holds it', async (t) => {
  const site = new AgentSite();
  t.after(() => site.close());
  await site.start();
  site.make('sb');
  writeFileSync(site.path('sb'), 'whole\nhalf a li');
  await site.flush('sb');
  await site.kill();
  site.delete('sb');
  site.losePins();
  await site.start();
  const [stream] = await site.sealed('sb');
  assert.equal(stream!.bytes.toString(), 'whole\nhalf a li');
  assert.equal(stream!.gaps.length, 1);
});
