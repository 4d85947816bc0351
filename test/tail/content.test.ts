import assert from 'node:assert/strict';
import { appendFileSync, closeSync, openSync, writeFileSync, writeSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { limits } from '../../src/base/limits.ts';
import { AgentSite } from '../support/agent_site.ts';
import { randomOf, writesOf } from '../support/content.ts';
import { assertBytes, bytesOf } from '../support/streams.ts';

const random = randomOf(7);
const randomBytes = (length: number): Buffer => Buffer.from(Array.from({ length }, () => random() * 256));

const contents: Record<string, Buffer> = {
  'lines of text': Buffer.from('one\ntwo\nthree\n'),
  'CRLF and CR CR LF': Buffer.from('a\r\nb\r\r\nc\r\r\r\n\r\n\rbare\r and back\n'),
  'NUL bytes inside and at the end': Buffer.from('a\0b\n\0\0\n\0end\n\0\0\0'),
  'random bytes': randomBytes(300_000),
  'a line of 1 MiB': Buffer.concat([Buffer.alloc(1_048_576, 'x'), Buffer.from('\nafter it\n')]),
  'a line of exactly 64 KiB': Buffer.concat([Buffer.alloc(65_535, 'y'), Buffer.from('\nafter it\n')]),
  'a line of 64 KiB and its newline': Buffer.concat([Buffer.alloc(65_536, 'y'), Buffer.from('\nafter it\n')]),
  'empty lines': Buffer.from('\n'.repeat(40_000)),
  'ANSI colours and cursor moves': Buffer.from(
    '\x1b[32m  OK  \x1b[0m started\n\x1b[2K\rspin \x1b[1A\n'.repeat(500),
  ),
  'invalid UTF-8 and a cut character': Buffer.from([0xff, 0xfe, 10, 0xc3, 10, 0xe2, 0x82]),
  'one newline': Buffer.from('\n'),
  'a last line without newline': Buffer.from('first\nlast without end'),
  'nothing but a piece of a line': Buffer.from('x'),
  nothing: Buffer.alloc(0),
};

describe('what a console holds is in the rows, byte for byte', { concurrency: true }, () => {
  const site = new AgentSite();
  before(() => site.start());
  after(() => site.close());

  for (const [index, [what, bytes]] of Object.entries(contents).entries()) {
    test(`${what}, written at once`, async () => {
      const id = `whole-${index}`;
      site.make(id);
      writeFileSync(site.path(id), bytes);
      await site.pinned(id);
      site.delete(id);
      const [stream, ...more] = await site.sealed(id);
      assert.deepEqual(more, []);
      assertBytes(stream!.bytes, bytes, what);
      assert.equal(stream!.seal!.reason, 'deleted');
      assert.equal(stream!.seal!.complete, true);
    });

    test(`${what}, written in pieces`, async () => {
      const id = `pieces-${index}`;
      site.make(id);
      writeFileSync(site.path(id), '');
      for (const piece of writesOf(bytes, random, Math.max(3, bytes.length / 8))) {
        appendFileSync(site.path(id), piece);
        await sleep(random() * 30);
      }
      await site.pinned(id);
      site.delete(id);
      assertBytes(bytesOf(await site.sealed(id)), bytes, what);
    });
  }

  test('a line that gets its end later is one row, or the pieces of one line', async () => {
    site.make('late');
    writeFileSync(site.path('late'), 'first\nbegun ');
    await site.flush('late');
    appendFileSync(site.path('late'), 'and ended\nlast');
    await site.read('late', 22);
    site.delete('late');
    const [stream] = await site.sealed('late');
    assert.deepEqual(
      [...Map.groupBy(stream!.lines, ({ entry }) => entry).values()].map((of) =>
        of.map(({ bytes }) => bytes).join(''),
      ),
      ['first\n', 'begun and ended\n', 'last'],
    );
  });

  test('a long line becomes rows of at most 64 KiB', async () => {
    site.make('long');
    writeFileSync(site.path('long'), Buffer.concat([Buffer.alloc(150_000, 'z'), Buffer.from('\n')]));
    await site.read('long', 150_001);
    site.delete('long');
    const [stream] = await site.sealed('long');
    assert.deepEqual(
      stream!.lines.map((line) => line.bytes.length),
      [65_536, 65_536, 150_001 - 2 * 65_536],
    );
  });

  test('a file of many megabytes that is deleted while it is being read is whole', async () => {
    const bytes = Buffer.concat(
      Array.from({ length: 200_000 }, (_, at) =>
        Buffer.from(`[${at}] a line of some length, as consoles have\n`),
      ),
    );
    site.make('large');
    writeFileSync(site.path('large'), bytes);
    await site.read('large', 1);
    site.delete('large');
    assertBytes(bytesOf(await site.sealed('large')), bytes, 'large');
  });

  test('the three logs of a sandbox are kept apart', async () => {
    site.make('three');
    const wanted = {
      console: 'console\n',
      events: '{"time":"2026-06-01T15:30:18Z"}\n',
      firecracker: 'vmm\n',
    };
    writeFileSync(site.path('three', 'console.log'), wanted.console);
    writeFileSync(site.path('three', 'events.jsonl'), wanted.events);
    writeFileSync(site.path('three', 'firecracker.log'), wanted.firecracker);
    await site.pinned('three');
    site.delete('three');
    for (const [log, text] of Object.entries(wanted)) {
      assert.equal(bytesOf(await site.sealed('three', 1, log)).toString(), text);
    }
  });
});

test('200 sandboxes that live 50 ms each and begin with the same 2 KB are all whole, and nothing is left of them', async (t) => {
  const site = new AgentSite();
  t.after(() => site.close());
  await site.start();
  const boot = `${'[    0.000000] Linux version 6.1.0, the same for all\r\n'.repeat(38)}`;
  const ids = Array.from({ length: 200 }, (_, at) => `sb-${at}`);
  const left = [...ids];
  await Promise.all(
    Array.from({ length: 20 }, async () => {
      for (let id = left.pop(); id !== undefined; id = left.pop()) {
        site.make(id);
        writeFileSync(site.path(id), boot);
        await sleep(25);
        appendFileSync(site.path(id), `${id} says goodbye`);
        await sleep(25);
        // On an overloaded machine a life of 50 ms may pass unseen.
        await site.pinned(id);
        site.delete(id);
      }
    }),
  );
  for (const id of ids) {
    const streams = await site.sealed(id);
    assertBytes(bytesOf(streams), Buffer.from(`${boot}${id} says goodbye`), id);
    assert.equal(streams.length, 1);
  }
  await site.empty();
});

test('what is written to a file after its deletion, until it is quiet, is read too', async (t) => {
  const site = new AgentSite();
  t.after(() => site.close());
  await site.start();
  for (let tries = 0; ; tries++) {
    const id = `goes-on-${tries}`;
    site.make(id);
    const fd = openSync(site.path(id), 'w');
    writeSync(fd, 'before\n');
    await site.read(id, 7);
    site.delete(id);
    let longest_ms = 0;
    for (let count = 0; count < 5; count++) {
      const slept = performance.now();
      await sleep(200);
      writeSync(fd, `after ${count}\n`);
      longest_ms = Math.max(longest_ms, performance.now() - slept);
    }
    closeSync(fd);
    // On a busy machine this writer itself may have been quiet for as long as a dead one.
    if (longest_ms > limits.tail.quiet_ms / 2) continue;
    const [stream] = await site.sealed(id);
    assert.equal(stream!.bytes.toString(), 'before\nafter 0\nafter 1\nafter 2\nafter 3\nafter 4\n');
    return;
  }
});
