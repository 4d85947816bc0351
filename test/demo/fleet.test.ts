import assert from 'node:assert/strict';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { crc32 } from 'node:zlib';
import { type Fleet, startFleet } from '../../src/demo/fleet.ts';
import type { Happening } from '../../src/demo/happenings.ts';
import { until } from '../support/patience.ts';

function folder(context: TestContext): string {
  const dir = mkdtempSync(join(tmpdir(), 'afterlog-fleet-'));
  context.after(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

/** The fleet, when it has deleted so many sandboxes. */
async function deleted(fleet: Fleet, count: number): Promise<void> {
  await until(() => fleet.status().deleted >= count);
}

test('deletes each sandbox with its folder and keeps what was written to it until told to forget', async (context) => {
  const data_dir = folder(context);
  const fleet = await startFleet({ data_dir, seed: 5, alive: 12, rate: 2_000, ledger: true });
  context.after(() => fleet.stop());
  await deleted(fleet, 3);
  await fleet.stop();
  const finished = fleet.finished();
  assert.equal(finished.length, fleet.status().deleted);
  for (const { id, written } of finished) {
    assert.equal(existsSync(join(data_dir, 'vms', id)), false);
    assert.ok(written.console.bytes > 0 && written.events.lines >= 1 && written.firecracker.lines >= 1);
  }
  fleet.forget(finished[0]!.id);
  assert.equal(fleet.finished().length, finished.length - 1);
});

test('stopped, it leaves files that hold what it says it wrote', async (context) => {
  const data_dir = folder(context);
  const fleet = await startFleet({ data_dir, seed: 8, alive: 10, rate: 1_000, rotate_bytes: 1e9 });
  context.after(() => fleet.stop());
  await deleted(fleet, 1);
  await fleet.stop();
  const living = fleet.living();
  assert.deepEqual(readdirSync(join(data_dir, 'vms')).sort(), living.map(({ id }) => id).sort());
  let checked = 0;
  for (const { id, written } of living) {
    const events = readFileSync(join(data_dir, 'vms', id, 'events.jsonl'));
    assert.deepEqual([events.length, crc32(events)], [written.events.bytes, written.events.crc32]);
    const text = readFileSync(join(data_dir, 'vms', id, 'console.log'));
    // Truncated ones hold less, by design.
    if (/hibernated/.test(events.toString()) || existsSync(join(data_dir, 'vms', id, 'console.log.1')))
      continue;
    assert.deepEqual([text.length, crc32(text)], [written.console.bytes, written.console.crc32]);
    checked++;
  }
  assert.ok(checked > 0);
  const before = fleet.status();
  await sleep(100);
  assert.equal(fleet.status().bytes, before.bytes);
});

test('the same seed starts the same sandboxes in the same order', async (context) => {
  const started: string[][] = [];
  for (let run = 0; run < 2; run++) {
    const fleet = await startFleet({ data_dir: folder(context), seed: 11, alive: 6 });
    context.after(() => fleet.stop());
    const seen = new Set<string>();
    while (seen.size < 6) {
      for (const { id } of fleet.living()) seen.add(id);
      await sleep(20);
    }
    await fleet.stop();
    started.push([...seen].slice(0, 6));
  }
  assert.deepEqual(started[0], started[1]);
});

test('tells what happens to sandboxes, and keeps of a deleted one whether it failed', async (context) => {
  const told: Happening[] = [];
  const fleet = await startFleet({
    ...{ data_dir: folder(context), seed: 3, alive: 40, rate: 4_000, ledger: true },
    told: (happening) => told.push(happening),
  });
  context.after(() => fleet.stop());
  const has = (what: Happening['what']): boolean => told.some((one) => one.what === what);
  await until(() => has('booted') && fleet.finished().some(({ failed }) => failed));
  await fleet.stop();
  const failures = told.filter(({ what }) => what === 'failed');
  assert.equal(failures.length, fleet.status().failed);
  assert.ok(failures.every(({ how }) => /panicked|powered off|timed out/.test(how)));
  for (const { id, failed } of fleet.finished()) {
    assert.equal(
      failures.some((one) => one.id === id),
      failed,
    );
  }
});

test('deletes the sandboxes of an earlier run, and never those that it did not make', async (context) => {
  const data_dir = folder(context);
  const first = await startFleet({ data_dir, seed: 1, alive: 2 });
  await until(() => first.status().started >= 2);
  await first.stop();
  const old = readdirSync(join(data_dir, 'vms'));
  assert.ok(old.length > 0);
  const second = await startFleet({ data_dir, seed: 2, alive: 1 });
  await second.stop();
  for (const id of old) assert.equal(existsSync(join(data_dir, 'vms', id)), false);

  const foreign = folder(context);
  const path = join(foreign, 'vms', 'sb-000000000000', 'console.log');
  mkdirSync(join(path, '..'), { recursive: true });
  writeFileSync(path, 'precious\n');
  await assert.rejects(startFleet({ data_dir: foreign }), { code: 'DEMO_DIR_FOREIGN' });
  assert.equal(readFileSync(path, 'utf8'), 'precious\n');
});
