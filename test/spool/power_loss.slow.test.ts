import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Pipeline } from '../../src/agent/pipeline.ts';
import { log } from '../../src/base/log.ts';
import { Spool } from '../../src/spool/spool.ts';
import type { Pin } from '../../src/tail/pins.ts';
import { batchId } from '../../src/wire/header.ts';
import { fromSpool } from '../../src/wire/spooled.ts';
import { randomOf } from '../support/content.ts';
import { overrideLimits } from '../support/limits.ts';
import { afterPowerLoss, recordDisk, type Step } from '../support/model_disk.ts';
import { PipedLog } from '../support/piped_log.ts';

// What the reserve holds does not matter, and each of its writes would be one more case.
overrideLimits({ spool: { reserve_bytes: 1_024 } });

/** What the spool promised: it must hold on every disk that a power loss at any later moment may leave. */
type Promise_ =
  | { appended: number; state: number; payload: string }
  | { durable: number }
  | { delivered: number }
  | { bound: number; partition: number };

// Many segments in few steps.
overrideLimits({ spool: { segment_bytes_max: 600 } });
const SEEDS = [1, 2, 3];
/** Disks that are tried at each step, besides the one that keeps nothing and the one that keeps all. */
const RANDOM_DISKS = 6;

/** Drives a spool through all it does: small segments, a restart after a SIGKILL, and one after a close. */
async function live(dir: string, steps: Step[], random: () => number): Promise<void> {
  const promise = (one: Promise_): void => void steps.push({ what: 'promise', promise: one });
  let number = 0;
  let delivered = 0;
  const append = (spool: Spool): void => {
    number++;
    const payload = `payload ${number} ${'x'.repeat(random() * 150)}`;
    promise({ appended: number, state: number, payload });
    spool.append({ [`sandbox-${number % 3}/console`]: number }, Buffer.from(payload));
  };
  for (let life = 0; life < 3; life++) {
    const spool = new Spool(join(dir, 'state', 'spool'));
    // It sends all that it found, so all of that has to be durable.
    assert.ok(spool.isDurable());
    promise({ durable: number });
    spool.cursor.bind(life, { topic: 'sandbox-logs', partition: life });
    promise({ bound: life, partition: life });
    for (let round = 0; round < 8; round++) {
      for (let count = random() * 4; count > 0; count--) append(spool);
      const appended = number;
      await spool.durable();
      promise({ durable: appended });
      const some = spool.read(1 + random() * 3, 1e9);
      if (some.length === 0) continue;
      delivered += some.length;
      // As the farther end has it: known before the spool is told.
      promise({ delivered });
      spool.delivered(
        some.at(-1)!.after,
        some.reduce((sum, { payload }) => sum + payload.length, 0),
      );
      if (random() < 0.3) spool.cursor.save();
    }
    // SIGKILL leaves an entry that was written and not synced.
    if (life === 0) append(spool);
    else await spool.close();
  }
}

/** A pipeline that reads a line of each of some logs and is done with its file then. */
async function liveWithPins(dir: string, steps: Step[], random: () => number, first: number): Promise<void> {
  const spool = new Spool(join(dir, 'spool'));
  const release = ({ inode }: Pin): void => {
    steps.push({ what: 'promise', promise: { released: Number(inode) } });
  };
  const pipeline = new Pipeline('host', spool, { paused: () => {}, freed: () => {}, release });
  for (let number = first; number < first + 12; number++) {
    const started = String(1795465704913252313n + BigInt(number));
    new PipedLog(pipeline, `sandbox-${number}`, started).write('line\n');
    pipeline.release({ inode: String(number), born: '0', path: null, fd: null });
    if (random() < 0.7) pipeline.flush();
    if (random() < 0.5) await sleep(1);
  }
  await pipeline.close();
  await spool.close();
}

/** Opens what is left, and compares it with what was promised. */
async function check(dir: string, steps: Step[], count: number, name: string): Promise<void> {
  const promises = steps
    .slice(0, count)
    .flatMap((step) => (step.what === 'promise' ? [step.promise as Promise_] : []));
  const appended = promises.filter((one) => 'appended' in one);
  const durable = Math.max(0, ...promises.map((one) => ('durable' in one ? one.durable : 0)));
  const delivered = Math.max(0, ...promises.map((one) => ('delivered' in one ? one.delivered : 0)));
  const spool = new Spool(join(dir, 'state', 'spool'));
  // Entries that were not durable may be there in part, before whole ones.
  for (const place of [...spool.broken.values()]) spool.standIn(place, {}, null);
  await spool.durable();
  const read = spool.read(10_000, 1e12).map(({ payload }) => payload.toString());
  const numbers = read.map((payload) => Number(payload.split(' ')[1]));
  // Those that nobody was promised may be there or not; whatever is there is whole, once and in order.
  for (const [at, payload] of read.entries()) {
    assert.equal(
      payload,
      appended[numbers[at]! - 1]?.payload,
      `${name}: payload ${numbers[at]} as it was appended`,
    );
    if (at > 0) assert.ok(numbers[at]! > numbers[at - 1]!, `${name}: in order`);
  }
  for (let number = delivered + 1; number <= durable; number++)
    assert.ok(
      numbers.includes(number),
      `${name}: payload ${number} was promised and is gone (of ${durable})`,
    );
  for (const key of [0, 1, 2].map((key) => `sandbox-${key}/console`)) {
    const last = appended
      .filter(({ appended }) => `sandbox-${appended % 3}/console` === key && appended <= durable)
      .at(-1);
    const state = (spool.states.get(key) as number | undefined) ?? 0;
    assert.ok(
      state >= (last?.state ?? 0),
      `${name}: the state of ${key} is ${state}, promised was ${last?.state}`,
    );
  }
  for (const one of promises) {
    if (!('bound' in one)) continue;
    assert.equal(
      spool.cursor.bindings.get(one.bound)?.partition,
      one.partition,
      `${name}: epoch ${one.bound} is bound`,
    );
  }
  // It goes on: what is appended now comes after all that.
  spool.append({ 'sandbox-9/console': 1 }, Buffer.from('after'));
  await spool.durable();
  assert.deepEqual(
    spool.read(10, 1e9).map(({ payload }) => payload.toString()),
    ['after'],
    name,
  );
  await spool.close();
}

for (const seed of SEEDS) {
  test(`power loss: no pin was let go before the entry that is done with it is there, and no id has two contents (seed ${seed})`, async (t) => {
    log.level = 'silent';
    const root = mkdtempSync(join(process.env.TEST_MEMORY ?? tmpdir(), 'afterlog-power-'));
    t.after(() => rmSync(root, { recursive: true, force: true }));
    const random = randomOf(seed);
    const disk = recordDisk(join(root, 'live'));
    const batches = new Map<string, string>();
    try {
      for (let life = 0; life < 2; life++)
        await liveWithPins(join(root, 'live'), disk.steps, random, life * 100);
    } finally {
      disk.stop();
    }
    let tried = 0;
    for (let count = 0; count <= disk.steps.length; count++) {
      for (const keeps of [
        () => 0,
        (length: number) => length,
        (length: number) => Math.floor(random() * (length + 1)),
      ]) {
        const dir = join(root, String(tried++));
        afterPowerLoss(disk.steps, count, keeps).writeTo(dir);
        const spool = new Spool(join(dir, 'spool'));
        for (const step of disk.steps.slice(0, count)) {
          if (step.what !== 'promise') continue;
          const { released } = step.promise as { released: number };
          const done = (spool.states.get(`sandbox-${released}/console`) as { position: number }).position;
          assert.ok(
            done >= 5,
            `after step ${count}: pin ${released} was let go, and its lines are not there`,
          );
        }
        for (const place of [...spool.broken.values()]) spool.standIn(place, {}, null);
        for (const { payload } of spool.read(10_000, 1e12)) {
          const id = batchId(fromSpool(payload).header);
          const content = payload.toString('latin1');
          assert.equal(content, batches.get(id) ?? content, `${id} has one content`);
          batches.set(id, content);
        }
        await spool.close();
        rmSync(dir, { recursive: true });
      }
    }
    t.diagnostic(`${disk.steps.length} steps, ${tried} disks`);
  });

  test(`power loss after every write, sync, rename and unlink of a spool: what was promised is there (seed ${seed})`, async (t) => {
    log.level = 'silent';
    const root = mkdtempSync(join(process.env.TEST_MEMORY ?? tmpdir(), 'afterlog-power-'));
    t.after(() => rmSync(root, { recursive: true, force: true }));
    const random = randomOf(seed);
    const disk = recordDisk(join(root, 'live'));
    try {
      await live(join(root, 'live'), disk.steps, random);
    } finally {
      disk.stop();
    }
    const kinds = new Set(disk.steps.map((step) => step.what));
    for (const kind of ['create', 'write', 'sync', 'rename', 'unlink', 'sync folder', 'mkdir'])
      assert.ok(kinds.has(kind as Step['what']), `${kind} was recorded`);
    let tried = 0;
    for (let count = 0; count <= disk.steps.length; count++) {
      const policies: ((length: number) => number)[] = [() => 0, (length) => length];
      for (let more = 0; more < RANDOM_DISKS; more++)
        policies.push((length) =>
          random() < 0.4 ? 0 : random() < 0.6 ? length : Math.floor(random() * length),
        );
      for (const [policy, keeps] of policies.entries()) {
        const dir = join(root, String(tried++));
        afterPowerLoss(disk.steps, count, keeps).writeTo(dir);
        await check(
          dir,
          disk.steps,
          count,
          `after step ${count} (${disk.steps[count - 1]?.what}), disk ${policy}`,
        );
        rmSync(dir, { recursive: true });
      }
    }
    t.diagnostic(`${disk.steps.length} steps, ${tried} disks`);
  });
}
