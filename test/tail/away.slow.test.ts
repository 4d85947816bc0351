import assert from 'node:assert/strict';
import { appendFileSync, readFileSync, renameSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { AgentSite } from '../support/agent_site.ts';
import { bytesOf, type StoredStream } from '../support/streams.ts';

const lines = (from: number): string =>
  Array.from({ length: 50 }, (_, index) => `line ${from + index}\n`).join('');

/** From when to when nobody watched, as a gap row says it. */
const UNWATCHED = /^nobody watched from (\S+Z) to (\S+Z): /;

/** How an agent is away while something happens, and back afterwards. */
const absences: Record<string, (site: AgentSite, meanwhile: () => void) => Promise<void>> = {
  'is killed': async (site, meanwhile) => {
    await site.kill();
    meanwhile();
    await site.start();
  },
  'is stopped': async (site, meanwhile) => {
    assert.equal(await site.stop(), 0);
    meanwhile();
    await site.start();
  },
  stalls: async (site, meanwhile) => site.atOnce(meanwhile),
};

/** What happens to a console of 100 lines while nobody watches, and the lines that can be read afterwards. */
const happenings: Record<string, { does(site: AgentSite): void; lines: number; mayHaveLost: string[] }> = {
  'rotated, written and deleted': {
    does(site) {
      renameSync(site.path('sb'), site.path('sb', 'console.log.1'));
      writeFileSync(site.path('sb'), lines(100));
      site.delete('sb');
    },
    lines: 100,
    mayHaveLost: ['is killed', 'is stopped', 'stalls'],
  },
  'written and deleted': {
    does(site) {
      appendFileSync(site.path('sb'), lines(100));
      site.delete('sb');
    },
    lines: 150,
    // The events of the folder show that nothing else happened.
    mayHaveLost: ['is killed', 'is stopped'],
  },
  'copied to another name, cut and deleted': {
    does(site) {
      writeFileSync(site.path('sb', 'console.log.1'), lines(0));
      site.delete('sb');
    },
    lines: 100,
    mayHaveLost: ['is killed', 'is stopped', 'stalls'],
  },
  'written on': { does: (site) => appendFileSync(site.path('sb'), lines(100)), lines: 150, mayHaveLost: [] },
  'rotated and written on': {
    does(site) {
      renameSync(site.path('sb'), site.path('sb', 'console.log.1'));
      writeFileSync(site.path('sb'), lines(100));
    },
    lines: 150,
    mayHaveLost: [],
  },
};

function assertTold(stream: StoredStream, from_ms: number, to_ms: number): void {
  assert.equal(stream.seal!.complete, false);
  assert.equal(stream.gaps.length, 1);
  const [{ bytes, position, reason }] = stream.gaps as [StoredStream['gaps'][0]];
  assert.deepEqual([bytes, position], [null, stream.bytes.length]);
  const told = UNWATCHED.exec(reason);
  assert.ok(told !== null, reason);
  const [from, to] = [Date.parse(told[1]!), Date.parse(told[2]!)];
  assert.ok(from <= to && from <= to_ms && to >= from_ms, `${reason} covers the absence`);
}

for (const [absence, isAway] of Object.entries(absences)) {
  describe(`an agent ${absence}`, { concurrency: true }, () => {
    for (const [happening, { does, lines: stored, mayHaveLost }] of Object.entries(happenings)) {
      const isDoubtful = mayHaveLost.includes(absence);
      const says = isDoubtful ? 'a gap says when nobody watched' : 'complete';
      test(`while a console is ${happening}: ${says}`, async (t) => {
        const site = new AgentSite();
        t.after(() => site.close());
        await site.start();
        site.make('sb');
        writeFileSync(site.path('sb'), lines(0) + lines(50));
        await site.flush('sb');
        const from_ms = Date.now();
        await isAway(site, () => does(site));
        const to_ms = Date.now();
        if (mayHaveLost.length === 0) {
          await site.flush('sb');
          site.delete('sb');
        }
        const streams = await site.sealed('sb');
        const written = lines(0) + lines(50) + lines(100);
        assert.equal(bytesOf(streams).toString(), `${written.split('\n').slice(0, stored).join('\n')}\n`);
        if (isDoubtful) assertTold(streams[0]!, from_ms, to_ms);
        else assert.deepEqual([streams[0]!.gaps, streams[0]!.seal!.complete], [[], true]);
        await site.empty();
      });
    }
  });
}

test('a stall in which the queue of directory events overflows: a gap says when nobody watched', async (t) => {
  const site = new AgentSite();
  t.after(() => site.close());
  await site.start();
  for (const id of ['sb', 'noise']) {
    site.make(id);
    writeFileSync(site.path(id), 'line\n');
    await site.flush(id);
  }
  for (const name of ['a', 'b']) writeFileSync(site.path('noise', name), '');
  const from_ms = Date.now();
  const events = Number(readFileSync('/proc/sys/fs/inotify/max_queued_events', 'utf8'));
  site.atOnce(() => {
    for (let event = 0; event <= events; event++)
      utimesSync(site.path('noise', event % 2 === 0 ? 'a' : 'b'), event, event);
    site.delete('sb');
  });
  const [stream] = await site.sealed('sb');
  assertTold(stream!, from_ms, Date.now());
  // The agent has looked at it since.
  await site.flush('noise');
  site.delete('noise');
  assert.equal((await site.sealed('noise'))[0]!.seal!.complete, true);
});

test('a folder that is moved away as a whole has lost nothing', async (t) => {
  const site = new AgentSite();
  t.after(() => site.close());
  await site.start();
  site.make('sb');
  writeFileSync(site.path('sb'), 'line\n');
  await site.flush('sb');
  renameSync(site.folder('sb'), join(site.dir, 'data', 'elsewhere'));
  assert.equal((await site.sealed('sb'))[0]!.seal!.complete, true);
});

test('a storm of sandboxes that rotate right before they are deleted: none that lost bytes is complete', async (t) => {
  const site = new AgentSite();
  t.after(() => site.close());
  await site.start();
  const written = new Map<string, string>();
  const live = async (id: string, index: number): Promise<void> => {
    site.make(id);
    writeFileSync(site.path(id), lines(0));
    await sleep(50);
    renameSync(site.path(id), site.path(id, 'console.log.1'));
    writeFileSync(site.path(id), lines(50));
    await sleep(index % 20);
    renameSync(site.path(id, 'console.log.1'), site.path(id, 'console.log.2'));
    renameSync(site.path(id), site.path(id, 'console.log.1'));
    writeFileSync(site.path(id), lines(100));
    if (index % 3 > 0) await sleep(index % 7);
    site.delete(id);
    written.set(id, lines(0) + lines(50) + lines(100));
  };
  for (let from = 0; from < 340; from += 34)
    await Promise.all(Array.from({ length: 34 }, (_, slot) => live(`sb-${from + slot}`, from + slot)));
  await site.empty();
  const silent: string[] = [];
  const counts = { complete: 0, incomplete: 0, unseen: 0, lost: 0 };
  for (const [id, all] of written) {
    const streams = site.streams(id);
    if (streams.length === 0) counts.unseen++;
    for (const { seal } of streams) counts[seal!.complete ? 'complete' : 'incomplete']++;
    if (streams.length === 0 || bytesOf(streams).toString() === all) continue;
    counts.lost++;
    const told = streams.map(({ lines: [first], bytes, gaps }) => [
      first?.bytes.toString(),
      bytes.length,
      gaps,
    ]);
    silent.push(...(streams.some(({ seal }) => !seal!.complete) ? [] : [`${id}: ${JSON.stringify(told)}`]));
  }
  t.diagnostic(JSON.stringify(counts));
  assert.deepEqual(silent, []);
});
