import assert from 'node:assert/strict';
import { closeSync, openSync, truncateSync, writeFileSync, writeSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { AgentSite } from '../support/agent_site.ts';

const MIB = 1024 * 1024;

/** Writes over NULs from their beginning, as a writer that made room for its log first. */
class Overwriter {
  private readonly fd: number;
  private at: number;

  constructor(path: string, at = 0) {
    this.fd = openSync(path, 'r+');
    this.at = at;
  }

  write(text: string): void {
    this.at += writeSync(this.fd, text, this.at);
  }

  close(): void {
    closeSync(this.fd);
  }
}

const makers: Record<string, (path: string, bytes: number) => void> = {
  'a written': (path, bytes) => writeFileSync(path, Buffer.alloc(bytes)),
  'a sparse': (path, bytes) => {
    writeFileSync(path, '');
    truncateSync(path, bytes);
  },
};

describe('preallocated', { concurrency: true }, () => {
  const site = new AgentSite();
  before(() => site.start());
  after(() => site.close());

  for (const [kind, preallocate] of Object.entries(makers)) {
    test(`${kind} file: lines are read as they come over its NULs; those that are left are one row`, async () => {
      const id = kind.replace(' ', '-');
      site.make(id);
      preallocate(site.path(id), 2 * MIB);
      await site.flush(id);
      assert.equal(site.spool.poll().of(id, 'console').rows.length, 0);
      const writer = new Overwriter(site.path(id));
      let wanted = '';
      for (let turn = 0; turn < 10; turn++) {
        const lines = Array.from({ length: 100 }, (_, line) => `line ${turn * 100 + line}\n`).join('');
        writer.write(lines);
        wanted += lines;
        if (turn % 3 === 0) await site.flush(id);
        else await site.read(id, wanted.length);
      }
      writer.write('unfinished');
      wanted += 'unfinished';
      await site.flush(id);
      writer.close();
      site.delete(id);
      const [stream] = await site.sealed(id);
      assert.equal(stream!.bytes.toString('latin1', 0, wanted.length), wanted);
      assert.equal(stream!.lines.length, 1_001);
      assert.deepEqual(
        stream!.nuls.map(({ position, bytes }) => [position, bytes.length]),
        [[wanted.length, 2 * MIB - wanted.length]],
      );
      assert.deepEqual([stream!.seal!.complete, stream!.seal!.bytes], [true, 2 * MIB]);
    });
  }

  test('room that its writer gives back when it ends is no truncation', async () => {
    site.make('given-back');
    makers['a written']!(site.path('given-back'), 300_000);
    const writer = new Overwriter(site.path('given-back'));
    writer.write('one\ntwo, unfinished');
    await site.flush('given-back');
    truncateSync(site.path('given-back'), 19);
    writer.write('\n');
    await site.flush('given-back');
    writer.close();
    site.delete('given-back');
    const [stream] = await site.sealed('given-back');
    assert.equal(stream!.bytes.toString(), 'one\ntwo, unfinished\n');
    assert.equal(stream!.seal!.complete, true);
  });

  test('few NULs are left: they end the last line', async () => {
    site.make('few');
    makers['a sparse']!(site.path('few'), 1_000);
    const writer = new Overwriter(site.path('few'));
    writer.write('one\ntwo');
    await site.flush('few');
    writer.close();
    site.delete('few');
    const [stream] = await site.sealed('few');
    assert.deepEqual(
      stream!.lines.map(({ bytes }) => bytes.toString()),
      ['one\n', `two${'\0'.repeat(993)}`],
    );
  });

  test('NULs that a writer leaves out are content as soon as it writes behind them', async () => {
    site.make('between');
    makers['a sparse']!(site.path('between'), MIB);
    const writer = new Overwriter(site.path('between'), 5);
    writer.write('one\n');
    await site.read('between', 9);
    const far = new Overwriter(site.path('between'), 700_000);
    far.write('two\n');
    await site.flush('between');
    const { rows } = site.spool.poll().of('between', 'console');
    assert.deepEqual(
      rows.map(({ record, bytes }) => [record, bytes.toString()]),
      [
        ['line', '\0\0\0\0\0one\n'],
        ['nuls', `{"bytes":${700_000 - 9}}`],
        ['line', 'two\n'],
      ],
    );
    for (const one of [writer, far]) one.close();
  });

  test('what is written amid a search of the NULs behind, where it has been already, is read', async () => {
    for (let round = 0; round < 8; round++) {
      const id = `amid-${round}`;
      site.make(id);
      makers['a sparse']!(site.path(id), 64 * MIB);
      const writer = new Overwriter(site.path(id));
      writer.write('one\n');
      await site.read(id, 4);
      // Content later than a former write in the same tick of the clock has no other time.
      await sleep(round * 5);
      const far = new Overwriter(site.path(id), 3 * MIB);
      far.write('two\n');
      await site.flush(id);
      const { rows } = site.spool.poll().of(id, 'console');
      assert.equal(rows.at(-1)!.bytes.toString(), 'two\n', `round ${round}`);
      for (const one of [writer, far]) one.close();
    }
  });
});

test('an agent that is killed goes on where the content of a preallocated file ends', async (t) => {
  const site = new AgentSite();
  t.after(() => site.close());
  await site.start();
  site.make('sb');
  makers['a written']!(site.path('sb'), 2 * MIB);
  const writer = new Overwriter(site.path('sb'));
  let wanted = '';
  for (let life = 0; life < 3; life++) {
    for (const text of [`life ${life}\n`, 'unfinished ']) {
      writer.write(text);
      wanted += text;
      await site.flush('sb');
    }
    await site.kill();
    await site.start();
  }
  writer.close();
  site.delete('sb');
  const [stream] = await site.sealed('sb');
  assert.equal(stream!.bytes.toString('latin1', 0, wanted.length), wanted);
  assert.deepEqual([stream!.seal!.complete, stream!.seal!.bytes], [true, 2 * MIB]);
});
