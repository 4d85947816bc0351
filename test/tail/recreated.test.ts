import assert from 'node:assert/strict';
import { appendFileSync, rmSync, writeFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { AgentSite } from '../support/agent_site.ts';
import type { StoredStream } from '../support/streams.ts';

const texts = (streams: StoredStream[]): string[] => streams.map((stream) => stream.bytes.toString());

describe('deleted and made again under the same id', { concurrency: true }, () => {
  const site = new AgentSite();
  before(() => site.start());
  after(() => site.close());

  for (const pause_ms of [0, 5, 300, 1_600]) {
    test(`the folder, after ${pause_ms} ms: two streams, each sealed`, async () => {
      const id = `again-${pause_ms}`;
      site.make(id);
      writeFileSync(site.path(id), 'the same boot\nfirst life\n');
      await site.read(id, 25);
      site.delete(id);
      await sleep(pause_ms);
      site.make(id);
      writeFileSync(site.path(id), 'the same boot\nsecond life');
      await site.pinned(id);
      site.delete(id);
      const streams = await site.sealed(id, 2);
      assert.deepEqual(texts(streams), ['the same boot\nfirst life\n', 'the same boot\nsecond life']);
      assert.ok(streams.every((stream) => stream.seal!.complete));
    });
  }

  test('only the file: two streams, the first one sealed as recreated', async () => {
    site.make('file');
    writeFileSync(site.path('file'), 'one\n');
    await site.read('file', 4);
    site.atOnce(() => {
      rmSync(site.path('file'));
      writeFileSync(site.path('file'), 'two\n');
    });
    await site.read('file', 8);
    site.delete('file');
    const streams = await site.sealed('file', 2);
    assert.deepEqual(texts(streams), ['one\n', 'two\n']);
    assert.equal(streams[0]!.seal!.reason, 'recreated');
  });

  test('the folder, with a rotated log that begins as the first life did: it is no copy of that', async () => {
    const id = 'alike';
    site.make(id);
    writeFileSync(site.path(id), 'the same boot\nfirst life\n');
    await site.read(id, 25);
    site.atOnce(() => {
      site.delete(id);
      site.make(id);
      writeFileSync(`${site.path(id)}.1`, 'the same boot\n');
      writeFileSync(site.path(id), 'second life\n');
    });
    await site.read(id, 51);
    site.delete(id);
    const streams = await site.sealed(id, 2);
    assert.deepEqual(texts(streams), ['the same boot\nfirst life\n', 'the same boot\nsecond life\n']);
  });

  test('five times as fast as they are seen', async () => {
    const lives = Array.from({ length: 5 }, (_, life) => `life ${life}\n`.repeat(20));
    for (const life of lives) {
      site.make('five');
      writeFileSync(site.path('five'), life);
      await site.pinned('five');
      site.delete('five');
    }
    assert.deepEqual(texts(await site.sealed('five', 5)), lives);
  });
});

test('while the agent is down: the old life from its pin, the new one as a stream of its own', async (t) => {
  const site = new AgentSite();
  t.after(() => site.close());
  await site.start();
  site.make('sb');
  writeFileSync(site.path('sb'), 'first\n');
  await site.read('sb', 6);
  await site.kill();
  appendFileSync(site.path('sb'), 'unseen');
  site.delete('sb');
  site.make('sb');
  writeFileSync(site.path('sb'), 'second\n');
  await site.start();
  await site.read('sb', 19);
  site.delete('sb');
  assert.deepEqual(texts(await site.sealed('sb', 2)), ['first\nunseen', 'second\n']);
  await site.empty();
});

test('twice in the last second before a kill: three streams', async (t) => {
  const site = new AgentSite();
  t.after(() => site.close());
  await site.start();
  for (const life of ['one\n', 'two\n', 'three\n']) {
    rmSync(site.folder('sb'), { recursive: true, force: true });
    site.make('sb');
    writeFileSync(site.path('sb'), life);
    await site.pinned('sb');
    // Named for good: until then nobody can tell after a crash which life a file is of.
    await site.eventually('named links', () => site.pins().every((pin) => !pin.includes(',new,')));
  }
  await site.kill();
  await site.start();
  site.delete('sb');
  assert.deepEqual(texts(await site.sealed('sb', 3)), ['one\n', 'two\n', 'three\n']);
  await site.empty();
});

test('an agent that lost its spool reads again what it holds, under the same identity', async (t) => {
  const site = new AgentSite();
  t.after(() => site.close());
  await site.start();
  site.make('sb');
  writeFileSync(site.path('sb'), 'before the wake\n');
  await site.read('sb', 16);
  writeFileSync(site.path('sb'), 'after it\n');
  await site.sealed('sb');
  await site.read('sb', 25);
  const known = site.streams('sb').at(-1)!;
  assert.equal(known.bytes.toString(), 'after it\n');

  await site.kill();
  site.loseSpool();
  appendFileSync(site.path('sb'), 'and on\n');
  await site.start();
  await site.read('sb', 16);
  const [again] = site.streams('sb');
  assert.equal(again!.started, known.started);
  assert.equal(again!.bytes.toString(), 'after it\nand on\n');
});
