import assert from 'node:assert/strict';
import { appendFileSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { listSegments, segmentPath } from '../../src/spool/segment.ts';
import { AgentSite } from '../support/agent_site.ts';
import { rotate } from '../support/rotate.ts';
import { batchesWith, damage, entriesOf } from '../support/spool_damage.ts';
import { SpoolRows } from '../support/spool_rows.ts';
import { type StoredStream, streamsOf } from '../support/streams.ts';

/** An agent that delivers nothing, so that all it read is in its spool. */
class Spooled extends AgentSite {
  get spoolDir(): string {
    return join(this.settings.state_dir, 'spool');
  }

  /** Lines of one entry each: written when the one before is spooled. */
  async say(sandbox: string, ...lines: string[]): Promise<void> {
    let bytes = this.said.get(sandbox) ?? 0;
    for (const line of lines) {
      appendFileSync(this.path(sandbox), line);
      bytes += line.length;
      await this.read(sandbox, bytes);
    }
    this.said.set(sandbox, bytes);
  }

  /** Damages the batches that hold a line, or a mark, of this text. */
  damage(text: string, where: 'head' | 'body' = 'body'): void {
    const batches = batchesWith(this.spoolDir, (row) => (row.bytes.toString() + row.record).includes(text));
    assert.ok(batches.length > 0, text);
    for (const entry of batches) damage(this.spoolDir, entry, where);
  }

  /** What the spool holds now, read from its start; of a key that stands twice, the later row, as in the table. */
  told(sandbox: string): StoredStream[] {
    const spool = new SpoolRows(this.spoolDir);
    const rows = spool.poll().rows;
    spool.close();
    const last = new Map(
      rows.map((row) => [[row.sandbox, row.log, row.started, row.position, row.record].join(), row]),
    );
    return streamsOf([...last.values()], sandbox);
  }

  async whenSealed(sandbox: string): Promise<StoredStream[]> {
    await this.eventually(`a seal of ${sandbox}`, () => this.told(sandbox).at(-1)?.seal != null);
    return this.told(sandbox);
  }

  private readonly said = new Map<string, number>();
}

async function started(t: TestContext): Promise<Spooled> {
  const site = new Spooled();
  t.after(() => site.close());
  await site.start();
  return site;
}

async function restarted(site: Spooled): Promise<void> {
  site.spool = new SpoolRows(site.spoolDir);
  site.output = '';
  await site.start();
}

/** Lines that are lost without a trace would show here: position by position, in order, and the seal tells the truth. */
const texts = (streams: StoredStream[]): string[] => streams.map((stream) => stream.bytes.toString());

/** Three lives of an agent, each with a segment of its own. */
async function threeSegments(t: TestContext): Promise<Spooled> {
  const site = await started(t);
  site.make('sb');
  site.make('short');
  await site.say('sb', 'one\n');
  await site.kill();
  await restarted(site);
  await site.say('sb', 'two\n');
  await site.say('short', 'a short life\n');
  site.delete('short');
  await site.sealed('short');
  await site.eventually('a pin that is let go', () => site.pins().length === 1);
  await site.say('sb', 'three\n');
  await site.kill();
  await restarted(site);
  await site.say('sb', 'four\n');
  await site.kill();
  return site;
}

const faults: [string, (site: Spooled, second: string) => void, RegExp][] = [
  ['a segment that is missing', (_, second) => rmSync(second), /1\.seg and 0*3\.seg are missing/],
  [
    'a segment that is cut off between its entries',
    (site, second) =>
      truncateSync(
        second,
        entriesOf(site.spoolDir).find(({ segment, offset }) => segment === 2 && offset === 0)!.end,
      ),
    /after \d+ of 0*2\.seg are missing/,
  ],
  [
    'a segment that is cut off in an entry',
    (site, second) =>
      truncateSync(
        second,
        entriesOf(site.spoolDir).find(({ segment, rows }) => segment === 2 && rows.length > 0)!.end - 1,
      ),
    /after \d+ of 0*2\.seg are missing/,
  ],
];
describe('a damaged spool', { concurrency: 4 }, () => {
  for (const where of ['head', 'body'] as const) {
    test(`a damaged ${where} of an entry whose files are still there: its lines come again, in their place, and no gap`, async (t) => {
      const site = await started(t);
      site.make('sb');
      site.make('other');
      await site.say('sb', 'one\n', 'two\n');
      appendFileSync(site.path('other'), 'beside\n');
      await site.say('sb', '[12:00:01] three\nand more\n', 'four\n');
      await site.read('other', 7);
      await site.say('other', 'later\n');
      await site.kill();
      site.damage('three', where);
      await restarted(site);
      assert.match(
        site.output,
        /entries at \d+ of 000000000001\.seg are damaged: \d+ bytes of [12] logs are read again, 0 become gaps/,
      );
      await site.say('sb', 'five\n');
      site.delete('sb');
      site.delete('other');
      const [sb] = await site.whenSealed('sb');
      assert.equal(sb!.bytes.toString(), 'one\ntwo\n[12:00:01] three\nand more\nfour\nfive\n');
      assert.deepEqual(sb!.gaps, []);
      assert.ok(sb!.seal!.complete);
      assert.deepEqual(texts(await site.whenSealed('other')), ['beside\nlater\n']);
      await site.empty();
    });
  }

  test('its file is gone: a gap row has the stream, position and bytes, and the seal that comes says so', async (t) => {
    const site = await started(t);
    site.make('sb');
    await site.say('sb', 'one\n', 'is lost\n', 'three\n');
    rotate(site.path('sb'));
    await site.say('sb', 'second file\n');
    rmSync(`${site.path('sb')}.1`);
    await site.eventually('a pin that is let go', () => site.pins().length === 1);
    await site.kill();
    site.damage('is lost');
    await restarted(site);
    appendFileSync(site.path('sb'), 'after\n');
    site.delete('sb');
    const [sb] = await site.whenSealed('sb');
    assert.equal(sb!.bytes.toString(), 'one\nthree\nsecond file\nafter\n');
    assert.deepEqual(
      sb!.gaps.map(({ position, bytes }) => ({ position, bytes })),
      [{ position: 4, bytes: 8 }],
    );
    assert.match(sb!.gaps[0]!.reason, /entries of the spool at \d+ of 000000000001\.seg are damaged/);
    assert.equal(sb!.seal!.complete, false);
    await site.empty();
  });

  test('several damages of one stream, its seal already told: each a gap, and a seal that is right', async (t) => {
    const site = await started(t);
    site.make('sb');
    site.make('whole');
    await site.say('sb', 'one\n', 'lost a\n', 'three\n', 'lost b\n', 'lost c\n', 'six\n');
    await site.say('whole', 'not touched\n');
    site.delete('sb');
    site.delete('whole');
    await site.sealed('sb');
    await site.sealed('whole');
    await site.empty();
    await site.kill();
    for (const text of ['lost a', 'lost b', 'lost c']) site.damage(text);
    await restarted(site);
    const [sb] = await site.whenSealed('sb');
    assert.equal(sb!.bytes.toString(), 'one\nthree\nsix\n');
    assert.deepEqual(
      sb!.gaps.map(({ position, bytes }) => ({ position, bytes })),
      [
        { position: 4, bytes: 7 },
        { position: 17, bytes: 14 },
      ],
    );
    assert.ok(site.told('whole')[0]!.seal!.complete);
    // Started once more, nothing of it is done again.
    await site.kill();
    const before = entriesOf(site.spoolDir).filter(({ rows }) => rows.length > 0).length;
    await restarted(site);
    assert.equal(entriesOf(site.spoolDir).filter(({ rows }) => rows.length > 0).length, before);
  });

  test('the entry with the seal: the stream is sealed again, as one whose end nobody knows', async (t) => {
    const site = await started(t);
    site.make('sb');
    await site.say('sb', 'one\n', 'two\n');
    site.delete('sb');
    await site.sealed('sb');
    await site.empty();
    await site.kill();
    site.damage('seal');
    await restarted(site);
    const [sb] = await site.whenSealed('sb');
    assert.equal(sb!.bytes.toString(), 'one\ntwo\n');
    assert.deepEqual(
      sb!.gaps.map(({ position, bytes }) => ({ position, bytes })),
      [{ position: 8, bytes: null }],
    );
    assert.equal(sb!.seal!.reason, 'deleted');
    await site.empty();
  });

  test('the last entry: its lines are read again as if it had never been written', async (t) => {
    const site = await started(t);
    site.make('sb');
    await site.say('sb', 'one\n', 'two\n', 'three\n');
    await site.kill();
    site.damage('three');
    await restarted(site);
    await site.say('sb', 'four\n');
    site.delete('sb');
    const [sb] = await site.whenSealed('sb');
    assert.equal(sb!.bytes.toString(), 'one\ntwo\nthree\nfour\n');
    assert.deepEqual(sb!.gaps, []);
    await site.empty();
  });

  for (const [fault, make, said] of faults) {
    test(`${fault}: what is known of it comes again from the pins, or becomes gaps`, async (t) => {
      const site = await threeSegments(t);
      make(site, segmentPath(site.spoolDir, 2));
      await restarted(site);
      assert.match(site.output, said);
      await site.say('sb', 'five\n');
      site.delete('sb');
      const [sb] = await site.whenSealed('sb');
      assert.equal(sb!.bytes.toString(), 'one\ntwo\nthree\nfour\nfive\n');
      assert.deepEqual(sb!.gaps, []);
      // Of what began and ended in there, nothing is known but that it may have been.
      const unknown = site.spool.poll().rows.filter((row) => row.sandbox === '');
      assert.equal(unknown.length, 1);
      assert.match(unknown[0]!.message, /missing; what began and ended there is not known/);
      await site.empty();
    });
  }

  test('a damaged snapshot: the segment before has the same states', async (t) => {
    const site = await threeSegments(t);
    const snapshots = entriesOf(site.spoolDir).filter(({ offset }) => offset === 0);
    for (const entry of snapshots.slice(1)) damage(site.spoolDir, entry);
    await restarted(site);
    await site.say('sb', 'five\n');
    site.delete('sb');
    const [sb] = await site.whenSealed('sb');
    assert.equal(sb!.bytes.toString(), 'one\ntwo\nthree\nfour\nfive\n');
    assert.deepEqual(sb!.gaps, []);
    await site.empty();
  });

  test('other files in the folder of the spool are left alone', async (t) => {
    const site = await threeSegments(t);
    writeFileSync(join(site.spoolDir, 'notes.txt'), 'mine');
    writeFileSync(join(site.spoolDir, '000000000002.seg.bak'), 'a copy');
    renameSync(site.folder('sb'), join(site.spoolDir, '000000000009.seg'));
    await restarted(site);
    await site.whenSealed('sb');
    assert.deepEqual(listSegments(site.spoolDir), [1, 2, 3, 4]);
  });
});

test('what is read again has its secrets hidden as before', async (t) => {
  const site = new Spooled();
  t.after(() => site.close());
  Object.assign(site.settings, { redact: ['email'] });
  await site.start();
  site.make('sb');
  await site.say('sb', 'one\n', 'to mei@example.com now\n', 'three\n');
  await site.kill();
  site.damage(' now');
  await restarted(site);
  site.delete('sb');
  const streams = await site.whenSealed('sb');
  assert.deepEqual(texts(streams), ['one\nto *************** now\nthree\n']);
  assert.deepEqual(streams[0]!.gaps, []);
});

test('a line that came in pieces, the entries of which are damaged, comes again in its place', async (t) => {
  const site = new Spooled();
  t.after(() => site.close());
  await site.start();
  site.make('sb');
  await site.say('sb', 'one\n');
  appendFileSync(site.path('sb'), 'login: ');
  await site.read('sb', 11);
  await site.say('sb', 'root\n', 'two\n');
  await site.kill();
  site.damage('root');
  await restarted(site);
  site.delete('sb');
  const [stream] = await site.whenSealed('sb');
  assert.equal(stream!.bytes.toString(), 'one\nlogin: root\ntwo\n');
  assert.ok(stream!.seal!.complete);
});
