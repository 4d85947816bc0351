import assert from 'node:assert/strict';
import { closeSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { Spool } from '../../src/spool/spool.ts';
import { Mounts } from '../support/mounts.ts';

const KIB = 1024;

interface Disk {
  dir: string;
  /** Somebody else writes until nothing more fits. */
  fill(): void;
  free(): void;
}

function smallDisk(t: TestContext, kind: 'tmpfs' | 'ext4'): Disk | null {
  const mounts = new Mounts(t);
  const path = mounts.folder('disk');
  const isMounted =
    kind === 'tmpfs' ? mounts.tmpfs(path, 'size=16m') : mounts.ext4(path, { bytes: 16 * KIB * KIB });
  if (!isMounted) return null;
  const ballast = join(path, 'ballast');
  const fill = (): void => {
    const fd = openSync(ballast, 'a');
    for (const bytes of [64 * KIB, 4 * KIB, 512, 1]) {
      try {
        for (;;) writeSync(fd, Buffer.alloc(bytes, 1));
      } catch {}
    }
    closeSync(fd);
  };
  return { dir: join(path, 'spool'), fill, free: () => rmSync(ballast) };
}

/** Not to be compressed. */
const payload = (number: number): Buffer => Buffer.alloc(200 * KIB, `${number} `);

async function append(spool: Spool, number: number): Promise<void> {
  spool.append({ [`log-${number % 5}`]: { number } }, payload(number));
  await spool.durable();
}

/** @returns the payloads that were delivered */
function deliverAll(spool: Spool): Buffer[] {
  const payloads: Buffer[] = [];
  for (;;) {
    const some = spool.read(10, 1_000 * KIB);
    if (some.length === 0) return payloads;
    payloads.push(...some.map((one) => Buffer.from(one.payload)));
    spool.delivered(
      some.at(-1)!.after,
      some.reduce((sum, one) => sum + one.payload.length, 0),
    );
  }
}

for (const kind of ['tmpfs', 'ext4'] as const) {
  test(`${kind}: a full disk whose space is delivered segments: they go, and the next entries fit`, async (t) => {
    const disk = smallDisk(t, kind);
    if (disk === null) return;
    let spool = new Spool(disk.dir);
    for (let number = 0; number < 10; number++) await append(spool, number);
    assert.ok(spool.onDisk().segments > 2, 'segments are small where the disk is');
    assert.equal(deliverAll(spool).length, 10);
    disk.fill();
    for (let number = 10; number < 13; number++) await append(spool, number);
    assert.deepEqual(deliverAll(spool), [10, 11, 12].map(payload));
    assert.ok(spool.onDisk().bytes < 900 * KIB);
    const states = Object.fromEntries(spool.states);
    await spool.close();
    spool = new Spool(disk.dir);
    assert.deepEqual(Object.fromEntries(spool.states), states);
    assert.equal(spool.counts.damaged, 0);
    await spool.close();
  });

  test(`${kind}: a full disk whose space is the delivered part of the current segment: a fresh one takes its place`, async (t) => {
    const disk = smallDisk(t, kind);
    if (disk === null) return;
    const spool = new Spool(disk.dir);
    await append(spool, 1);
    await append(spool, 2);
    deliverAll(spool);
    disk.fill();
    // More than once: whoever fills the disk takes what was given back.
    for (let number = 3; number < 9; number++) {
      await append(spool, number);
      disk.fill();
      assert.deepEqual(deliverAll(spool), [payload(number)]);
    }
    assert.deepEqual(spool.states.get('log-3'), { number: 8 });
    await spool.close();
  });

  test(`${kind}: the disk fills up while nothing is delivered: the reserve holds some more, then it ends until there is room`, async (t) => {
    const disk = smallDisk(t, kind);
    if (disk === null) return;
    let spool = new Spool(disk.dir);
    await append(spool, 1);
    disk.fill();
    assert.equal(spool.hasRoom(), true, 'nobody has asked for more yet');
    let last = 1;
    assert.throws(
      () => {
        for (; last < 100; last++) {
          spool.append({}, payload(last + 1));
          assert.equal(spool.hasRoom(), false, 'this was the reserve');
          // What is left of it is nobody else's.
          disk.fill();
        }
      },
      { code: 'DISK_FULL' },
    );
    assert.ok(last > 5, `${last - 1} entries of 200 KiB in a reserve of 2 MiB`);
    await spool.durable();
    const numbers = Array.from({ length: last }, (_, index) => index + 1);
    // As if it was killed.
    spool = new Spool(disk.dir);
    assert.equal(spool.undelivered_bytes, last * 200 * KIB, 'it starts on a full disk');
    assert.deepEqual(deliverAll(spool), numbers.map(payload));
    await append(spool, 1_000);
    disk.free();
    assert.equal(spool.hasRoom(), true);
    await append(spool, 1_001);
    assert.deepEqual(deliverAll(spool), [1_000, 1_001].map(payload));
    await spool.close();
  });
}
