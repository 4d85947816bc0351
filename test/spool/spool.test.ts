import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  cpSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { limits } from '../../src/base/limits.ts';
import { log } from '../../src/base/log.ts';
import { HEAD_BYTES } from '../../src/spool/entry.ts';
import { listSegments, SegmentReader, segmentPath } from '../../src/spool/segment.ts';
import { Spool } from '../../src/spool/spool.ts';
import { overrideLimits } from '../support/limits.ts';

const mounts: string[] = [];

function temporary(t: TestContext): string {
  const dir = mkdtempSync(join(tmpdir(), 'afterlog-spool-'));
  log.level = 'silent'; // what is torn is said; not here
  t.after(() => {
    for (const mount of mounts.splice(0)) execFileSync('umount', ['-l', mount]);
    rmSync(dir, { recursive: true, force: true });
  });
  return join(dir, 'spool');
}

const readAll = (spool: Spool): string[] => spool.read(10_000, 1e12).map(({ payload }) => payload.toString());

/** A spool of three entries about two streams, closed. @returns where the entries of its first segment start */
async function threeEntries(dir: string): Promise<number[]> {
  const spool = new Spool(dir);
  spool.append({ a: 1 }, Buffer.from('payload one'));
  spool.append({ b: 1 }, Buffer.from('payload two'));
  spool.append({ a: 2 }, Buffer.from('payload three'));
  await spool.close();
  const reader = new SegmentReader(dir, listSegments(dir)[0]!);
  const starts: number[] = [];
  for (let entry = reader.next(); entry !== null; entry = reader.next()) starts.push(entry.offset);
  starts.push(reader.size());
  reader.close();
  return starts;
}

test('what is appended is read only once it is durable, in order, and again after rewind', async (t) => {
  const spool = new Spool(temporary(t));
  spool.append({ a: { at: 1 } }, Buffer.from('one'));
  assert.deepEqual(readAll(spool), []);
  await spool.durable();
  spool.append({}, Buffer.from('two'));
  assert.deepEqual(readAll(spool), ['one']);
  assert.equal(spool.isDurable(), false);
  await spool.durable();
  assert.deepEqual(readAll(spool), ['two']);
  spool.rewind();
  assert.deepEqual(readAll(spool), ['one', 'two']);
  await spool.close();
});

test('a reader takes at least one payload, and no more than it asked for', async (t) => {
  const spool = new Spool(temporary(t));
  for (let count = 0; count < 5; count++) spool.append({}, Buffer.alloc(100, count));
  await spool.durable();
  assert.equal(spool.read(10, 1).length, 1);
  assert.equal(spool.read(10, 250).length, 2);
  assert.equal(spool.read(1, 1e9).length, 1);
  assert.equal(spool.read(10, 1e9).length, 1);
  await spool.close();
});

test('a spool opened again has its states, and goes on after what was delivered', async (t) => {
  const dir = temporary(t);
  let spool = new Spool(dir);
  spool.append({ a: 1, b: 1 }, Buffer.from('one'));
  spool.append({ a: null, b: { deep: [1] } }, null);
  spool.append({ c: 3 }, Buffer.from('two'));
  await spool.durable();
  const [one] = spool.read(1, 1e9);
  spool.delivered(one!.after, one!.payload.length);
  assert.equal(spool.undelivered_bytes, 3);
  await spool.close();
  spool = new Spool(dir);
  assert.deepEqual(Object.fromEntries(spool.states), { b: { deep: [1] }, c: 3 });
  assert.equal(spool.undelivered_bytes, 3);
  assert.deepEqual(readAll(spool), ['two']);
  await spool.close();
});

test('a last entry torn at any byte is dropped whole, with its state, and the spool goes on', async (t) => {
  const dir = temporary(t);
  const starts = await threeEntries(dir);
  const [last, end] = starts.slice(-2) as [number, number];
  for (let cut = last; cut < end; cut++) {
    const copy = `${dir}-${cut}`;
    cpSync(dir, copy, { recursive: true });
    truncateSync(segmentPath(copy, listSegments(copy)[0]!), cut);
    const spool = new Spool(copy);
    assert.deepEqual(Object.fromEntries(spool.states), { a: 1, b: 1 }, `cut at ${cut}`);
    assert.equal(spool.counts.damaged, 0);
    spool.append({ a: 9 }, Buffer.from('after'));
    await spool.durable();
    assert.deepEqual(readAll(spool), ['payload one', 'payload two', 'after'], `cut at ${cut}`);
    await spool.close();
  }
});

test('a flipped byte anywhere in an entry: it is reported, its neighbours and their states stay, and what stands for it is sent in its place', async (t) => {
  const dir = temporary(t);
  const starts = await threeEntries(dir);
  const [from, to] = [starts[2]!, starts[3]!]; // after the snapshot: the second entry
  for (let at = from; at < to; at++) {
    const copy = `${dir}-flip-${at}`;
    cpSync(dir, copy, { recursive: true });
    const path = segmentPath(copy, listSegments(copy)[0]!);
    const bytes = readFileSync(path);
    bytes[at]! ^= 0x10;
    writeFileSync(path, bytes);
    const spool = new Spool(copy);
    const where = at < from + HEAD_BYTES ? `byte ${at - from} of the head` : `byte ${at - from}`;
    assert.deepEqual(Object.fromEntries(spool.states), { a: 2 }, where);
    assert.deepEqual(readAll(spool), ['payload one'], `${where}: what comes later does not overtake`);
    assert.equal(spool.counts.damaged, 1, where);
    const [place] = [...spool.broken.values()];
    assert.equal(place!.offset, from, where);
    spool.standIn(place!, { a: 3 }, Buffer.from('instead'));
    spool.append({}, Buffer.from('payload four'));
    await spool.durable();
    assert.deepEqual(readAll(spool), ['instead', 'payload three', 'payload four'], where);
    await spool.close();
    const again = new Spool(copy);
    assert.deepEqual(Object.fromEntries(again.states), { a: 3 }, where);
    assert.deepEqual([...again.broken], [], `${where}: an agent that starts again knows what stands for it`);
    assert.deepEqual(readAll(again), ['payload one', 'instead', 'payload three', 'payload four'], where);
    await again.close();
  }
});

test('an entry that rots while the spool is open is found when it is to be sent, and what is counted stays right', async (t) => {
  const dir = temporary(t);
  const spool = new Spool(dir);
  for (const name of ['one', 'two', 'three']) {
    spool.append({ a: name }, Buffer.from(`payload ${name}`));
    await spool.durable();
  }
  assert.deepEqual(spool.onDisk().segments, 1);
  assert.equal(spool.counts.syncs, 3);
  const path = segmentPath(dir, 1);
  const bytes = readFileSync(path);
  bytes[bytes.indexOf('payload two')]! ^= 1;
  writeFileSync(path, bytes);
  assert.equal(spool.onDisk().bytes, bytes.length);
  const [one, ...others] = spool.read(10, 1e9);
  assert.deepEqual([one!.payload.toString(), others.length, spool.counts.damaged], ['payload one', 0, 1]);
  spool.delivered(one!.after, one!.payload.length);
  assert.deepEqual([spool.read(10, 1e9).length, spool.counts.damaged], [0, 1], 'counted once');
  spool.standIn([...spool.broken.values()][0]!, {}, Buffer.from('instead'));
  assert.equal(spool.read(10, 1e9).length, 0, 'what stands for it must be durable, too');
  await spool.durable();
  const rest = spool.read(10, 1e9);
  assert.deepEqual(
    rest.map(({ payload }) => payload.toString()),
    ['instead', 'payload three'],
  );
  spool.delivered(rest.at(-1)!.after, 20);
  // A batch later, all is delivered, and nothing is counted any more.
  spool.append({}, Buffer.from('four'));
  await spool.durable();
  const [four] = spool.read(10, 1e9);
  spool.delivered(four!.after, 4);
  assert.deepEqual([spool.undelivered_bytes, spool.oldest_s()], [0, 0]);
  await spool.close();
});

test('garbage behind the last whole entry is no entry', async (t) => {
  const dir = temporary(t);
  await threeEntries(dir);
  appendFileSync(segmentPath(dir, listSegments(dir)[0]!), Buffer.alloc(5_000, 'SAL1'));
  const spool = new Spool(dir);
  assert.deepEqual(Object.fromEntries(spool.states), { a: 2, b: 1 });
  assert.deepEqual(readAll(spool), ['payload one', 'payload two', 'payload three']);
  await spool.close();
});

test('segments roll, start with a snapshot, and go once they are delivered', async (t) => {
  const dir = temporary(t);
  let spool = new Spool(dir);
  const payload = Buffer.alloc(8 * 1024 * 1024, 'p');
  const count = (3 * limits.spool.segment_bytes_max) / payload.length;
  for (let number = 0; number < count; number++) {
    payload.writeUInt32LE(number);
    spool.append({ [`stream ${number % 3}`]: number }, payload);
    await spool.durable();
  }
  const segments = listSegments(dir);
  assert.ok(segments.length >= 3, `${segments.length} segments`);
  let seen = 0;
  for (;;) {
    const some = spool.read(4, 1e12);
    if (some.length === 0) break;
    for (const one of some) assert.equal(one.payload.readUInt32LE(), seen++);
    spool.delivered(some.at(-1)!.after, some.length * payload.length);
  }
  assert.equal(seen, count);
  assert.equal(spool.undelivered_bytes, 0);
  assert.ok(listSegments(dir).length <= 2, 'delivered segments are gone');
  const wanted = Object.fromEntries(
    [0, 1, 2].map((n) => [`stream ${n}`, count - 3 + ((((n - count) % 3) + 3) % 3)]),
  );
  await spool.close();
  spool = new Spool(dir);
  assert.deepEqual(Object.fromEntries(spool.states), wanted);
  assert.deepEqual(readAll(spool), []);
  await spool.close();
});

test('a lost cursor sends again from the oldest entry that is left; a damaged one says so', async (t) => {
  for (const damage of [(path: string) => rmSync(path), (path: string) => writeFileSync(path, '{"at":')]) {
    const dir = temporary(t);
    let spool = new Spool(dir);
    spool.append({ a: 1 }, Buffer.from('one'));
    spool.append({ a: 2 }, Buffer.from('two'));
    await spool.durable();
    const read = spool.read(1, 1e9);
    spool.delivered(read[0]!.after, 3);
    await spool.close();
    damage(join(dir, 'cursor.json'));
    spool = new Spool(dir);
    assert.equal(spool.undelivered_bytes, 6);
    assert.deepEqual(readAll(spool), ['one', 'two']);
    assert.deepEqual(Object.fromEntries(spool.states), { a: 2 });
    await spool.close();
  }
});

test('a cursor beyond the spool (its segments were removed by hand) drops nothing that comes later', async (t) => {
  const dir = temporary(t);
  let spool = new Spool(dir);
  for (let round = 0; round < 5; round++) {
    spool.append({}, Buffer.from(`old ${round}`));
    await spool.durable();
    const read = spool.read(10, 1e9);
    spool.delivered(read.at(-1)!.after, 5);
    await spool.close();
    spool = new Spool(dir);
  }
  await spool.close();
  for (const number of listSegments(dir)) rmSync(segmentPath(dir, number));
  spool = new Spool(dir);
  spool.append({ a: 1 }, Buffer.from('new'));
  await spool.close();
  spool = new Spool(dir);
  assert.equal(spool.undelivered_bytes, 3);
  assert.deepEqual(readAll(spool), ['new']);
  await spool.close();
});

test('a binding of an epoch outlives a crash', (t) => {
  const dir = temporary(t);
  new Spool(dir).cursor.bind(77, { topic: 'sandbox-logs', partition: 3 });
  assert.deepEqual(new Spool(dir).cursor.bindings.get(77), { topic: 'sandbox-logs', partition: 3 });
});

test('a disk that is full in the middle of an entry: nothing of it stays, and the same call works once there is room', async (t) => {
  const dir = temporary(t);
  onSmallDisk(dir);
  const spool = new Spool(join(dir, 'spool'));
  const ballast = join(dir, 'ballast');
  writeFileSync(ballast, Buffer.alloc(600 * 1024));
  const payload = Buffer.alloc(200 * 1024, 'x');
  const written: string[] = [];
  assert.throws(
    () => {
      for (let number = 0; ; number++) {
        spool.append({ a: number }, payload);
        written.push(payload.toString());
      }
    },
    { code: 'DISK_FULL' },
  );
  assert.ok(written.length > 0 && written.length < 3);
  await spool.durable();
  assert.throws(() => spool.append({ a: 99 }, payload), { code: 'DISK_FULL' });
  assert.equal(readAll(spool).length, written.length);
  rmSync(ballast);
  spool.append({ a: 99 }, payload);
  await spool.durable();
  assert.equal(readAll(spool).length, 1);
  await spool.close();
  const again = new Spool(join(dir, 'spool'));
  assert.deepEqual(Object.fromEntries(again.states), { a: 99 });
  assert.equal(again.counts.damaged, 0);
  await again.close();
});

test('a disk that is full when a segment is to be started: no state is lost', async (t) => {
  overrideLimits({ spool: { segment_disk_share: 1, reserve_bytes: 0 } }, t);
  const dir = temporary(t);
  onSmallDisk(dir, `${limits.spool.segment_bytes_max + 3 * 1024 * 1024}`);
  const path = join(dir, 'spool');
  const spool = new Spool(path);
  const big = Buffer.alloc(16 * 1024 * 1024);
  const state = 's'.repeat(200_000);
  for (let number = 0; number * big.length < limits.spool.segment_bytes_max; number++)
    spool.append({ [`stream ${number}`]: state }, big);
  await spool.durable();
  const some = spool.read(100, 1e12);
  const ballast = join(dir, 'ballast');
  try {
    for (;;) appendFileSync(ballast, Buffer.alloc(4096));
  } catch {}
  // The snapshot of the next segment does not fit; neither does it at the second try.
  for (const _ of [1, 2])
    assert.throws(() => spool.append({ z: 1 }, Buffer.from('payload')), { code: 'DISK_FULL' });
  // Everything before is delivered meanwhile.
  spool.delivered(some.at(-1)!.after, big.length * some.length);
  rmSync(ballast);
  spool.append({ z: 1 }, Buffer.from('payload'));
  await spool.durable();
  assert.deepEqual(readAll(spool), ['payload']);
  await spool.close();
  const again = new Spool(path);
  assert.deepEqual([...again.states.keys()].sort(), [...some.map((_, number) => `stream ${number}`), 'z']);
  await again.close();
});

test('a cursor that cannot be saved ends nothing: it is saved later', async (t) => {
  const dir = temporary(t);
  onSmallDisk(dir);
  const spool = new Spool(join(dir, 'spool'));
  spool.append({}, Buffer.from('one'));
  await spool.durable();
  const read = spool.read(1, 1e9);
  const ballast = join(dir, 'ballast');
  for (const size of [65_536, 4_096, 64, 1]) {
    try {
      for (;;) appendFileSync(ballast, Buffer.alloc(size));
    } catch {}
  }
  spool.delivered(read[0]!.after, 3);
  await new Promise((resolve) => setTimeout(resolve, 1_300)); // cursor.json is written a second later
  rmSync(ballast);
  await spool.close();
  const again = new Spool(join(dir, 'spool'));
  assert.deepEqual(readAll(again), []);
  await again.close();
});

/** Mounts a file system of `size` at `dir` for the test; the tests of a full disk need to be root. */
function onSmallDisk(dir: string, size = '1m'): void {
  execFileSync('mkdir', ['-p', dir]);
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', dir]);
  mounts.push(dir);
}
