import assert from 'node:assert/strict';
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { lockDir, lockHolder } from '../../src/spool/lock.ts';
import { Spool } from '../../src/spool/spool.ts';
import { overrideLimits } from '../support/limits.ts';
import { until } from '../support/patience.ts';
import { temporaryDir } from '../support/temporary.ts';

const sent = (spool: Spool): string[] => spool.read(100, 1_000_000).map(({ payload }) => String(payload));

test('The folder of the spool is removed: entries that were not delivered are written again', async (t) => {
  const dir = join(await temporaryDir(t), 'state', 'spool');
  const spool = new Spool(dir);
  spool.append({ a: 1 }, Buffer.from('one'));
  await spool.durable();
  rmSync(join(dir, '..'), { recursive: true });
  spool.append({ b: 2 }, Buffer.from('two'));
  await spool.durable();
  assert.deepEqual(sent(spool), ['one', 'two']);
  await spool.close();
  const next = new Spool(dir);
  assert.deepEqual(
    [...next.states],
    [
      ['a', 1],
      ['b', 2],
    ],
  );
  assert.deepEqual(sent(next), ['one', 'two']);
  await next.close();
});

test('It is noticed without a new entry, too', async (t) => {
  const dir = await temporaryDir(t);
  const spool = new Spool(dir);
  spool.append({}, Buffer.from('one'));
  await spool.durable();
  rmSync(dir, { recursive: true });
  await spool.durable();
  assert.equal(spool.onDisk().segments, 1);
  assert.equal(spool.counts.damaged, 1);
  rmSync(dir, { recursive: true });
  assert.deepEqual(sent(spool), ['one']);
  assert.equal(spool.onDisk().segments, 1);
  await spool.close();
});

test('Segments that were not delivered are lost with it, and nothing behind them waits', async (t) => {
  overrideLimits({ spool: { segment_bytes_max: 100 } }, t);
  const dir = await temporaryDir(t);
  const spool = new Spool(dir);
  for (const text of ['one', 'two', 'three']) spool.append({}, Buffer.alloc(200, text));
  await spool.durable();
  assert.ok(spool.onDisk().segments > 1);
  rmSync(dir, { recursive: true });
  spool.append({}, Buffer.from('four'));
  await spool.durable();
  assert.equal(sent(spool).at(-1), 'four');
  assert.ok(spool.undelivered_bytes < 4 * 200, 'what is lost does not count as waiting');
  assert.equal(spool.counts.damaged, 1);
  await spool.close();
});

test('A spool that cannot be made again is not reported as durable', async (t) => {
  const dir = join(await temporaryDir(t), 'state');
  const spool = new Spool(dir);
  rmSync(dir, { recursive: true });
  // A file is in its place.
  writeFileSync(dir, '');
  spool.append({}, Buffer.from('one'));
  await assert.rejects(spool.durable(), { code: 'STATE_DIR_UNUSABLE' });
  rmSync(dir);
  await spool.durable();
  assert.deepEqual(sent(spool), ['one']);
  await spool.close();
});

test('A lock that is removed is made again', async (t) => {
  overrideLimits({ spool: { lock_touch_ms: 20 } }, t);
  const dir = await temporaryDir(t);
  const unlock = lockDir(dir);
  t.after(unlock);
  rmSync(dir, { recursive: true });
  await until(() => existsSync(join(dir, 'agent.lock')), 'the lock is there again');
  assert.equal(lockHolder(dir)?.pid, process.pid);
  assert.throws(() => lockDir(dir), { code: 'STATE_DIR_LOCKED' });
});
