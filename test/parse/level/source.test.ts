import assert from 'node:assert/strict';
import { test } from 'node:test';
import { limits } from '../../../src/base/limits.ts';
import { Sources, source } from '../../../src/parse/level/source.ts';
import { hold, nameId, recycleNames, type SourceHolder, shares } from '../../../src/parse/line/names.ts';

const { sources_max, stream_sources_max, sources_sweep_ms } = limits.parse;

/** A stream whose sandbox can go, without a wait for the garbage collector. */
class Greedy implements SourceHolder {
  readonly known: number[] = [];
  readonly held = 0;
  most: number = stream_sources_max;

  private readonly name: string;

  constructor(name: string) {
    this.name = name;
    hold(this);
  }

  /** Adds all the names that it may. */
  fill(): void {
    while (this.known.length < this.most) {
      const id = nameId(`${this.name}x${this.known.length}`, shares.sources);
      if (id === 0) return;
      this.known.push(id);
    }
  }

  allow(most: number): void {
    this.most = most;
    this.known.length = Math.min(this.known.length, most);
  }

  goes(): void {
    this.known.length = 0;
    this.most = stream_sources_max;
  }
}

/** How many of a stream's sources have a name of their own. */
const own = (sources: Sources): number => {
  const ids = Array.from({ length: stream_sources_max }, (_, n) => Buffer.from(`honest${n}x`));
  return ids.filter((name) => sources.idOf(name, 0, name.length) !== source.app).length;
};

test('a stream that others made poorer has all of its sources again when they are gone, and not before', (t) => {
  let now = performance.now();
  t.mock.method(performance, 'now', () => now);
  const sweep = (): void => {
    now += sources_sweep_ms;
    recycleNames();
  };
  const honest = new Sources();
  assert.equal(own(honest), stream_sources_max);
  const greedy = Array.from({ length: sources_max / 16 }, (_, n) => new Greedy(`g${n}`));
  for (const one of greedy) one.fill();
  sweep();
  const few = own(honest);
  assert.ok(few < stream_sources_max, `${few}`);
  // While the others live, they and it do not fill the share again.
  for (let n = 0; n < 3; n++) {
    for (const one of greedy) one.fill();
    sweep();
    assert.notEqual(nameId(`newcomer${n}`, shares.sources), 0);
    assert.ok(own(honest) < stream_sources_max);
  }
  for (const one of greedy) one.goes();
  sweep();
  assert.equal(own(honest), stream_sources_max);
});
