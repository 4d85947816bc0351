import assert from 'node:assert/strict';
import {
  appendFileSync,
  closeSync,
  openSync,
  readFileSync,
  renameSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { after, before, describe, type TestContext, test } from 'node:test';
import { AgentSite } from '../support/agent_site.ts';
import { copyTruncate } from '../support/rotate.ts';
import type { StoredStream } from '../support/streams.ts';

/** A writer as the runtime opens its files: neither appended nor truncated. */
class Over {
  private readonly fd: number;

  constructor(path: string) {
    this.fd = openSync(path, 'r+');
  }

  private at = 0;

  write(bytes: string): void {
    this.at += writeSync(this.fd, bytes, this.at);
  }

  close(): void {
    closeSync(this.fd);
  }
}

const texts = (streams: StoredStream[]): string[] => streams.map((stream) => stream.bytes.toString());
const reasons = (streams: StoredStream[]): string[] => streams.map(({ seal }) => seal!.reason);
const lines = (count: number, life: string): string =>
  Array.from({ length: count }, (_, index) => `${life} line ${index} ${'.'.repeat(index % 30)}\n`).join('');

describe('written over in place', { concurrency: true }, () => {
  const site = new AgentSite();
  before(() => site.start());
  after(() => site.close());

  const begin = async (id: string, text: string): Promise<Over> => {
    site.make(id);
    writeFileSync(site.path(id), text);
    await site.flush(id);
    return new Over(site.path(id));
  };

  test('1,500 lines at once over an old file: all of them are a stream, and nothing of the old content', async () => {
    const [old, later] = [lines(3_000, 'old'), lines(1_500, 'the new')];
    const writer = await begin('burst', old);
    writer.write(later);
    await site.read('burst', old.length + later.length);
    writer.close();
    site.delete('burst');
    const streams = await site.sealed('burst', 2);
    assert.deepEqual(texts(streams), [old, later]);
    assert.deepEqual(reasons(streams), ['truncated', 'deleted']);
  });

  test('lines of the same length at the same places: the stream is complete', async () => {
    const same = (life: number, count: number): string =>
      Array.from(
        { length: count },
        (_, index) => `life ${life}, line ${String(index).padStart(5, '0')}\n`,
      ).join('');
    const [old, later] = [same(1, 900), same(2, 700)];
    const writer = await begin('same', old);
    writer.write(later);
    await site.read('same', old.length + later.length - 20);
    writer.close();
    site.delete('same');
    const streams = await site.sealed('same', 2);
    assert.deepEqual(texts(streams), [old, later]);
    assert.equal(streams[1]!.seal!.complete, true);
  });

  test('line by line, with pauses, until it has passed the old end: one stream', async () => {
    const [old, later] = [lines(60, 'old'), lines(150, 'the new')];
    const writer = await begin('slowly', old);
    let wanted = old.length;
    for (const line of later.split('\n').slice(0, -1)) {
      writer.write(`${line}\n`);
      wanted += line.length + 1;
      if (line.includes('0')) await site.read('slowly', wanted);
    }
    writer.close();
    await site.flush('slowly');
    site.delete('slowly');
    const streams = await site.sealed('slowly', 2);
    assert.deepEqual(texts(streams), [old, later]);
    assert.equal(streams[1]!.seal!.complete, true);
  });

  test('a line without its end is not taken together with the rest of the old line', async () => {
    const old = lines(100, 'old');
    const writer = await begin('prompt', old);
    for (const piece of ['the new life\n', 'lo', 'gin: ']) {
      writer.write(piece);
      await site.flush('prompt');
    }
    await site.read('prompt', old.length + 13);
    site.delete('prompt');
    writer.close();
    assert.deepEqual(texts(await site.sealed('prompt', 2)), [old, 'the new life\nlogin: ']);
  });

  test('a second restart, while the first one is behind the old end: three streams', async () => {
    const old = lines(400, 'old');
    const first = await begin('twice', old);
    first.write(lines(100, 'the first'));
    await site.read('twice', old.length + lines(100, 'the first').length);
    first.close();
    const second = new Over(site.path('twice'));
    second.write(lines(40, 'now the second'));
    await site.read(
      'twice',
      old.length + lines(100, 'the first').length + lines(40, 'now the second').length,
    );
    second.write(lines(200, 'on'));
    await site.flush('twice');
    second.close();
    site.delete('twice');
    assert.deepEqual(texts(await site.sealed('twice', 3)), [
      old,
      lines(100, 'the first'),
      lines(40, 'now the second') + lines(200, 'on'),
    ]);
  });

  test('renamed after it was written over in part: what is new of it, then the next file, in one stream', async () => {
    const old = lines(400, 'old');
    const writer = await begin('renamed', old);
    writer.write(lines(100, 'the new'));
    await site.read('renamed', old.length + lines(100, 'the new').length);
    writer.close();
    renameSync(site.path('renamed'), `${site.path('renamed')}.1`);
    writeFileSync(site.path('renamed'), 'on\n');
    await site.flush('renamed');
    site.delete('renamed');
    const streams = await site.sealed('renamed', 2);
    assert.deepEqual(texts(streams), [old, `${lines(100, 'the new')}on\n`]);
  });

  test('copied and truncated while its writer is behind the old end, and goes on at its offset', async () => {
    const old = `${'x'.repeat(199)}\n`.repeat(500);
    const [later, last] = [lines(100, 'new'), 'after copy and truncation\n'];
    const writer = await begin('copied', old);
    writer.write(later);
    await site.read('copied', old.length + later.length);
    copyTruncate(site.path('copied'));
    writer.write(last);
    await site.read('copied', old.length + later.length + last.length);
    writer.close();
    site.delete('copied');
    const streams = await site.sealed('copied', 2);
    assert.deepEqual(texts(streams), [old, later + last]);
  });

  test('over what is already there: a gap row says that it is not known how much', async () => {
    const old = `boot 1\n${'x'.repeat(20_000)}\n`;
    const writer = await begin('alike', old);
    writer.write('boot 2\n');
    await site.flush('alike');
    writer.write('x'.repeat(1_000));
    await site.flush('alike');
    writer.close();
    site.delete('alike');
    const streams = await site.sealed('alike', 2);
    assert.deepEqual(texts(streams), [old, 'boot 2\n']);
    assert.match(streams[1]!.gaps[0]!.reason, /^written over in place: which bytes at its end are new/);
  });

  const lastLines: [string, string, string, string][] = [
    ['an empty line', `${'x'.repeat(39)}\n`.repeat(90), `the new${'y'.repeat(31)}\n`, '\n'],
    ['a line without a number', 'old  1\nready.\n'.repeat(40), 'life 2\n', 'ready.\n'],
    ['a line that stands there many times', 'tick 01\n'.repeat(300), 'boot 02\n', 'tick 01\n'.repeat(3)],
    ['a line as the new ones before it', `old 10\ntick 1\n${lines(50, 'old')}`, 'tick 1\n', 'tick 1\n'],
  ];
  for (const [index, [what, old, start, last]] of lastLines.entries()) {
    test(`the last it wrote at once is ${what}, as stood there before: a gap row says that it is not known`, async () => {
      const id = `last-${index}`;
      const writer = await begin(id, old);
      writer.write(start + last);
      await site.flush(id);
      writer.close();
      site.delete(id);
      const streams = await site.sealed(id, 2);
      assert.deepEqual(texts(streams), [old, start]);
      assert.match(streams[1]!.gaps[0]!.reason, /^written over in place: which bytes at its end are new/);
      assert.equal(streams[1]!.seal!.complete, false);
    });
  }

  test('over a file that is preallocated: noticed while it lives, and the spare NULs are not stored', async () => {
    const [old, later] = [lines(50, 'old'), lines(20, 'the new')];
    site.make('spare');
    writeFileSync(site.path('spare'), Buffer.alloc(100_000));
    const former = new Over(site.path('spare'));
    former.write(old);
    former.close();
    await site.flush('spare');
    const writer = new Over(site.path('spare'));
    writer.write(later);
    await site.read('spare', old.length + later.length - 30);
    writer.close();
    site.delete('spare');
    assert.deepEqual(texts(await site.sealed('spare', 2)), [old, later]);
  });

  test('over a file that is preallocated, past its former content: the spare NULs are content once it is renamed', async () => {
    for (const [id, parts] of [
      ['past', 1],
      ['past-twice', 2],
      ['past-ten', 10],
    ] as const) {
      const [old, later] = [lines(300, 'old'), lines(700, 'the new')];
      site.make(id);
      writeFileSync(site.path(id), Buffer.alloc(100_000));
      const former = new Over(site.path(id));
      former.write(old);
      former.close();
      await site.flush(id);
      const writer = new Over(site.path(id));
      for (let part = 0; part < parts; part++) {
        writer.write(later.slice((later.length / parts) * part, (later.length / parts) * (part + 1)));
        await site.flush(id);
      }
      writer.close();
      renameSync(site.path(id), `${site.path(id)}.1`);
      writeFileSync(site.path(id), 'on\n');
      await site.flush(id);
      site.delete(id);
      const streams = await site.sealed(id, 2);
      const spare = Buffer.alloc(100_000 - later.length).toString();
      assert.deepEqual(
        texts(streams).map((text) => text.length),
        [old.length, later.length + spare.length + 3],
        id,
      );
    }
  });

  test('truncated and preallocated again, as long as before: all of it is new', async () => {
    const [old, later] = [lines(50, 'old'), lines(20, 'the new')];
    site.make('again');
    writeFileSync(site.path('again'), Buffer.concat([Buffer.from(old), Buffer.alloc(50_000)]));
    await site.flush('again');
    const size = old.length + 50_000;
    writeFileSync(site.path('again'), Buffer.concat([Buffer.from(later), Buffer.alloc(size - later.length)]));
    await site.read('again', old.length + later.length);
    site.delete('again');
    const streams = await site.sealed('again', 2);
    assert.equal(streams[0]!.bytes.toString(), old);
    assert.equal(streams[1]!.bytes.toString(), later + '\0'.repeat(size - later.length));
    assert.equal(streams[1]!.seal!.complete, true);
  });

  test('a wake whose content has passed the old offset, with the same first and last bytes there', async () => {
    const [boot, tail] = ['the same boot\n'.repeat(5_000), 'the same\n'.repeat(2_000)];
    const old = `${boot}the first life\n${tail}`;
    const later = `${boot}the other life\n${tail}and on\n`;
    site.make('wake');
    writeFileSync(site.path('wake'), old);
    await site.flush('wake');
    writeFileSync(site.path('wake'), later);
    await site.read('wake', old.length + later.length);
    site.delete('wake');
    const streams = await site.sealed('wake', 2);
    assert.deepEqual(texts(streams), [old, later]);
    assert.deepEqual(reasons(streams), ['truncated', 'deleted']);
  });
});

async function started(t: TestContext): Promise<AgentSite> {
  const site = new AgentSite();
  t.after(() => site.close());
  await site.start();
  return site;
}

describe('written over while no agent runs', () => {
  for (const [what, later] of [
    ['past the old end', lines(300, 'the new')],
    ['and on, once an agent is back', lines(30, 'the new')],
  ] as const) {
    test(what, async (t) => {
      const site = await started(t);
      const old = lines(100, 'old');
      site.make('sb');
      writeFileSync(site.path('sb'), old);
      await site.read('sb', old.length);
      await site.kill();
      const writer = new Over(site.path('sb'));
      writer.write(later);
      await site.start();
      await site.flush('sb');
      writer.write('on and on\n');
      await site.read('sb', old.length + later.length + 10);
      writer.close();
      site.delete('sb');
      assert.deepEqual(texts(await site.sealed('sb', 2)), [old, `${later}on and on\n`]);
    });
  }

  test('an agent is killed in the middle: the next one goes on', async (t) => {
    const site = await started(t);
    const old = lines(400, 'old');
    site.make('sb');
    writeFileSync(site.path('sb'), old);
    await site.read('sb', old.length);
    const writer = new Over(site.path('sb'));
    let wanted = '';
    for (let turn = 0; turn < 3; turn++) {
      const more = lines(20, `turn ${turn}`);
      writer.write(more);
      wanted += more;
      await site.read('sb', old.length + wanted.length);
      await site.kill();
      await site.start();
      await site.flush('sb');
    }
    writer.close();
    site.delete('sb');
    const streams = await site.sealed('sb', 2);
    assert.deepEqual(texts(streams), [old, wanted]);
  });

  test('copied and truncated while no agent watches: nothing of the old content is stored again', async (t) => {
    const site = await started(t);
    const old = `${'x'.repeat(199)}\n`.repeat(500);
    const [later, last] = [lines(100, 'new'), 'after copy and truncation\n'];
    site.make('sb');
    writeFileSync(site.path('sb'), old);
    await site.flush('sb');
    const writer = new Over(site.path('sb'));
    writer.write(later);
    await site.read('sb', old.length + later.length);
    await site.kill();
    copyTruncate(site.path('sb'));
    writer.write(last);
    writer.close();
    await site.start();
    await site.flush('sb');
    site.delete('sb');
    const streams = await site.sealed('sb', 2);
    assert.deepEqual(texts(streams), [old, later + last]);
    assert.equal(streams[1]!.seal!.complete, false, 'nobody saw how far the writer got meanwhile');
  });

  test('a file that is only appended to is not read again, and not taken for another', async (t) => {
    const site = await started(t);
    site.make('sb');
    writeFileSync(site.path('sb'), lines(5_000, 'old'));
    await site.flush('sb');
    await site.stop();
    appendFileSync(site.path('sb'), 'more\n');
    await site.start();
    await site.flush('sb');
    const all = readFileSync(site.path('sb'), 'utf8');
    site.delete('sb');
    const streams = await site.sealed('sb');
    assert.deepEqual(texts(streams), [all]);
    assert.equal(streams[0]!.seal!.complete, true);
  });
});
