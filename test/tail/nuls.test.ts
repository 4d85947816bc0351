import assert from 'node:assert/strict';
import { appendFileSync, copyFileSync, truncateSync, writeFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { AgentSite } from '../support/agent_site.ts';
import type { StoredStream } from '../support/streams.ts';

const BEFORE = 'before\n'.repeat(1_000);
const nuls = (bytes: number): string => '\0'.repeat(bytes);
const texts = (streams: StoredStream[]): string[] => streams.map(({ bytes }) => bytes.toString());

describe('content that begins with NULs', { concurrency: true }, () => {
  const site = new AgentSite();
  before(() => site.start());
  after(() => site.close());

  const written = async (id: string): Promise<void> => {
    site.make(id);
    appendFileSync(site.path(id), BEFORE);
    await site.flush(id);
  };

  for (const bytes of [1, 6_999]) {
    test(`after a truncation: ${bytes} are fewer than had been read, so they are no hole`, async () => {
      const id = `truncated-${bytes}`;
      await written(id);
      writeFileSync(site.path(id), `${nuls(bytes)}after\n`);
      await site.flush(id);
      site.delete(id);
      assert.deepEqual(texts(await site.sealed(id, 2)), [BEFORE, `${nuls(bytes)}after\n`]);
    });

    test(`after a copy-truncate: ${bytes}, also in the copy that follows`, async () => {
      const id = `copied-${bytes}`;
      await written(id);
      let wanted = BEFORE;
      for (let turn = 2; turn > 0; turn--) {
        copyFileSync(site.path(id), `${site.path(id)}.${turn}`);
        truncateSync(site.path(id), 0);
        const text = `${nuls(bytes)}after ${'more '.repeat(3_000)} ${turn}\n`;
        appendFileSync(site.path(id), text);
        wanted += text;
        await site.flush(id);
      }
      site.delete(id);
      assert.deepEqual(texts(await site.sealed(id)), [wanted]);
    });
  }

  test('as many as had been read, all on disk: nobody left a hole', async () => {
    await written('on-disk');
    writeFileSync(site.path('on-disk'), `${nuls(8_192)}after\n`);
    await site.flush('on-disk');
    site.delete('on-disk');
    assert.deepEqual(texts(await site.sealed('on-disk', 2)), [BEFORE, `${nuls(8_192)}after\n`]);
  });

  test('a hole, which takes no space, is none', async () => {
    await written('hole');
    truncateSync(site.path('hole'), 0);
    truncateSync(site.path('hole'), 7_000);
    appendFileSync(site.path('hole'), 'after\n');
    await site.flush('hole');
    site.delete('hole');
    assert.deepEqual(texts(await site.sealed('hole', 2)), [BEFORE, 'after\n']);
  });
});

test('an agent that is killed between truncation and read knows how long a hole must be', async (t) => {
  const site = new AgentSite();
  t.after(() => site.close());
  await site.start();
  for (const id of ['few', 'hole']) {
    site.make(id);
    appendFileSync(site.path(id), BEFORE);
    await site.flush(id);
    truncateSync(site.path(id), 0);
  }
  // The truncation is known, and in the state; nothing is written yet.
  await site.sealed('few');
  await site.sealed('hole');
  await site.kill();
  appendFileSync(site.path('few'), `${nuls(100)}after\n`);
  truncateSync(site.path('hole'), 7_000);
  appendFileSync(site.path('hole'), 'after\n');
  await site.start();
  for (const [id, wanted] of [
    ['few', `${nuls(100)}after\n`],
    ['hole', 'after\n'],
  ] as const) {
    await site.flush(id);
    site.delete(id);
    assert.deepEqual(texts(await site.sealed(id, 2)), [BEFORE, wanted]);
  }
});
