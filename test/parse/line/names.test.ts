import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { limits } from '../../../src/base/limits.ts';
import {
  hold,
  holderCount,
  knownId,
  leftOut,
  NAMES_MAX,
  nameId,
  nameIdOf,
  nameText,
  recycleNames,
  shares,
} from '../../../src/parse/line/names.ts';
import { Reader } from '../../support/parsed.ts';

test('a name keeps its number', () => {
  const id = nameId('agent');
  assert.notEqual(id, 0);
  assert.equal(nameId('agent'), id);
  assert.equal(nameIdOf(Buffer.from('[agent]'), 1, 6), id);
  assert.equal(nameText(id), 'agent');
});

test('names that a guest invents without end fill their share and no more', () => {
  const known = nameId('agent');
  const ids = new Set(
    Array.from({ length: NAMES_MAX * 2 }, (_, n) => nameId(`invented-${n}`, shares.events)),
  );
  assert.equal(ids.size, limits.parse.events_max + 1);
  assert.ok(ids.has(0), 'the rest is the empty name');
  assert.equal(nameId('agent'), known, 'what was known is known still');
});

test('an empty name, and one that is too long, is the empty name', () => {
  assert.equal(nameId(''), 0);
  assert.equal(nameId('x'.repeat(1_000)), 0);
});

/** A line of a program, which names its source. */
const said = (program: string): string => `2026-06-01T15:30:18Z [${program}] text\n`;

test('a stream beyond its sources adds no name for all, and further lines are counted', () => {
  const before = leftOut.sources_left_out;
  const guest = new Reader();
  const rows = Array.from({ length: 5_000 }, (_, n) => guest.read(said(`greedy${n}x`))[0]!.source);
  assert.equal(new Set(rows).size, limits.parse.stream_sources_max + 1, 'its own, and app');
  assert.equal(leftOut.sources_left_out - before, 5_000 - limits.parse.stream_sources_max);
  assert.equal(guest.read(said('greedy7x'))[0]!.source, 'greedy7x', 'its first ones stay');
  assert.equal(knownId(Buffer.from('greedy4000x'), 0, 11), 0);
});

test('streams that use up the sources of all keep some of them, and a modest one gets its own', () => {
  const { sources_max, stream_sources_max } = limits.parse;
  const greedy = Array.from({ length: (sources_max / stream_sources_max) * 2 }, () => new Reader());
  const modest = new Reader();
  for (const [number, reader] of greedy.entries()) {
    for (let n = 0; n < stream_sources_max; n++) reader.read(said(`g${number}x${n}x`));
  }
  assert.equal(modest.read(said('modest'))[0]!.source, 'app');
  recycleNames();
  assert.equal(modest.read(said('modest'))[0]!.source, 'modest');
  assert.equal(greedy[0]!.read(said('g0x0x'))[0]!.source, 'g0x0x');
  assert.equal(greedy[0]!.read(said(`g0x${stream_sources_max - 1}x`))[0]!.source, 'app');
  // A name that was given to another stream is never shown for the one that had its number before.
  const others = Array.from({ length: 40 }, (_, n) => new Reader().read(said(`other${n}x`))[0]!.source);
  assert.deepEqual(
    others,
    others.map((_, n) => `other${n}x`),
  );
  for (const reader of greedy) {
    for (const { source } of reader.read(said('g0x1x') + said('modest')))
      assert.ok(['app', 'modest', 'g0x1x'].includes(source), source);
  }
});

test('a stream beyond its titles has the event as title, and another stream still has its own', () => {
  const { stream_titles_max } = limits.parse;
  const word = (n: number): string =>
    n.toString(26).replace(/./g, (digit) => String.fromCharCode(97 + Number.parseInt(digit, 26)));
  const guest = new Reader();
  const titles = Array.from(
    { length: stream_titles_max + 50 },
    (_, n) => guest.read(`${said('app').trim()}\nKeyError: 'my ${word(n)} key'\n`)[1]!.title,
  );
  assert.equal(new Set(titles).size, stream_titles_max + 1, 'its own, and the event');
  assert.equal(titles.at(-1), 'app.exception');
  assert.equal(new Reader().read("KeyError: 'my other key'\n")[0]!.title, "KeyError: 'my other key'");
  recycleNames();
  assert.equal(guest.read("KeyError: 'my a key'\n")[0]!.title, "KeyError: 'my a key'", 'remembered');
});

test('titles of an earlier batch leave their numbers to others', () => {
  for (let batch = 0; batch < 3; batch++) {
    const ids = Array.from({ length: limits.parse.titles_max }, (_, n) =>
      nameId(`t ${batch} ${n}`, shares.titles),
    );
    assert.equal(new Set(ids).size, limits.parse.titles_max);
    assert.equal(nameId(`t ${batch} more`, shares.titles), 0);
    assert.equal(nameText(ids[7]!), `t ${batch} 7`);
    recycleNames();
  }
});

test('streams that have ended are forgotten, also while the share of sources has room', async () => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  for (let round = 0; round < 20; round++) {
    for (let stream = 0; stream < 500; stream++) hold({ known: [], held: 0, most: 16, allow: () => {} });
    // A reference that was looked at in this turn keeps its holder.
    await setImmediate();
    collect();
  }
  assert.ok(holderCount() < 3_000, `${holderCount()} of 10,000 streams are kept`);
});
