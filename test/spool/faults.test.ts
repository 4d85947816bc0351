import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs, { mkdtempSync, rmdirSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { Pipeline } from '../../src/agent/pipeline.ts';
import { log } from '../../src/base/log.ts';
import { Spool } from '../../src/spool/spool.ts';
import { fromSpool } from '../../src/wire/spooled.ts';
import { AgentSite } from '../support/agent_site.ts';
import { overrideLimits } from '../support/limits.ts';
import { until } from '../support/patience.ts';
import { PipedLog } from '../support/piped_log.ts';
import { temporaryDir } from '../support/temporary.ts';

/** Puts other functions in the place of some of node:fs, for all who import them, until the test ends or `mend` is called. */
function disk(t: TestContext, faults: Partial<typeof fs>): { mend: () => void } {
  const real = Object.fromEntries(Object.keys(faults).map((name) => [name, fs[name as keyof typeof fs]]));
  Object.assign(fs, faults);
  syncBuiltinESMExports();
  const mend = (): void => {
    Object.assign(fs, real);
    syncBuiltinESMExports();
  };
  t.after(mend);
  return { mend };
}

const refusal = (code: string): Error => Object.assign(new Error(`${code}: as a disk would say`), { code });
const payloads = (spool: Spool): string[] => spool.read(100, 1e9).map(({ payload }) => payload.toString());

test('after a sync that failed, what it was for is written once more: the next sync alone may say yes to nothing', async (t) => {
  log.level = 'silent';
  const spool = new Spool(join(await temporaryDir(t), 'spool'));
  spool.append({ a: 1 }, Buffer.from('one'));
  await spool.durable();
  spool.append({ a: 2 }, Buffer.from('two'));
  const written: string[] = [];
  const { writeSync } = fs;
  let isFailing = true;
  const { mend } = disk(t, {
    fdatasync: ((_: number, done: fs.NoParamCallback) =>
      setImmediate(done, isFailing ? refusal('EIO') : null)) as unknown as typeof fs.fdatasync,
    writeSync: ((...args: Parameters<typeof fs.writeSync>) => {
      written.push(String(args[1]));
      return writeSync(...args);
    }) as typeof fs.writeSync,
  });
  await assert.rejects(spool.durable(), {
    code: 'STATE_DIR_UNUSABLE',
    message: /cannot be made durable: EIO/,
  });
  assert.deepEqual(payloads(spool), ['one'], 'nothing is sent that is not durable');
  assert.deepEqual(written, []);
  isFailing = false;
  await spool.durable();
  assert.match(written.join(), /two$/);
  assert.doesNotMatch(written.join(), /one/);
  mend();
  assert.deepEqual(payloads(spool), ['two']);
  await spool.close();
});

test('sectors that the disk cannot read damage the entries in them, and no others', async (t) => {
  log.level = 'silent';
  const dir = join(await temporaryDir(t), 'spool');
  let spool = new Spool(dir);
  const big = (name: string): Buffer => Buffer.alloc(20_000, name);
  for (const name of ['a', 'b', 'c']) spool.append({ [name]: 1 }, big(name));
  await spool.close();
  const { readSync } = fs;
  const [from, to] = [24_576, 28_672];
  disk(t, {
    readSync: ((fd: number, bytes: Buffer, offset: number, length: number, at: number) => {
      if (at < to && at + length > from && length > 0) throw refusal('EIO');
      return readSync(fd, bytes, offset, length, at);
    }) as typeof fs.readSync,
  });
  spool = new Spool(dir);
  assert.deepEqual(Object.fromEntries(spool.states), { a: 1, c: 1 });
  assert.equal(spool.counts.damaged, 1);
  assert.deepEqual(payloads(spool), [big('a').toString()]);
  spool.standIn([...spool.broken.values()][0]!, {}, null);
  assert.deepEqual(payloads(spool), [big('c').toString()]);
});

/** A pipeline and a way to give it lines of one log. */
async function pipelineOn(
  t: TestContext,
): Promise<{ pipeline: Pipeline; spool: Spool; say: (text: string) => boolean }> {
  log.level = 'silent';
  const spool = new Spool(join(await temporaryDir(t), 'spool'));
  const pipeline = new Pipeline('host', spool, { paused: () => {}, freed: () => {}, release: () => {} });
  const sandbox = new PipedLog(pipeline, 'sb');
  t.after(() => pipeline.close());
  return {
    pipeline,
    spool,
    say: (text) => {
      sandbox.write(text);
      return pipeline.flush();
    },
  };
}

test('a disk that turns read-only: reading pauses and says why; when it can be written again, it goes on by itself', async (t) => {
  const { pipeline, spool, say } = await pipelineOn(t);
  assert.equal(say('before\n'), true);
  const { mend } = disk(t, {
    writeSync: (() => {
      throw refusal('EROFS');
    }) as typeof fs.writeSync,
  });
  assert.equal(say('while read-only\n'), false);
  assert.match(pipeline.paused!, /The spool .* cannot be written: EROFS/);
  mend();
  await until(() => pipeline.paused === null);
  await spool.durable();
  const rows = spool.read(10, 1e9).map(({ payload }) => fromSpool(payload).header);
  assert.deepEqual(
    rows.map(({ sequence, rows }) => [sequence, rows]),
    [
      [1, 1],
      [2, 1],
    ],
  );
  await pipeline.close();
  await spool.close();
});

test('a folder in which no new segment can be made: the same, and no state is lost', async (t) => {
  const { pipeline, spool, say } = await pipelineOn(t);
  assert.equal(say('before\n'), true);
  overrideLimits({ spool: { segment_bytes_max: 1 } }, t);
  const { openSync } = fs;
  const { mend } = disk(t, {
    openSync: ((path: string, flags: string) => {
      if (flags === 'w+') throw refusal('EACCES');
      return openSync(path, flags);
    }) as typeof fs.openSync,
  });
  assert.equal(say('while it is not writable\n'), false);
  assert.match(pipeline.paused!, /cannot be written: EACCES/);
  mend();
  await until(() => pipeline.paused === null);
  await pipeline.close();
  assert.equal(spool.read(10, 1e9).length, 2);
  assert.equal(spool.onDisk().segments, 2);
  await spool.close();
});

test('a new segment that can neither be completed nor removed does not take the states of the next start back', async (t) => {
  log.level = 'silent';
  const dir = join(await temporaryDir(t), 'spool');
  const spool = new Spool(dir);
  spool.append({ a: 1 }, null);
  const { fsyncSync, readlinkSync, unlinkSync, writeSync } = fs;
  const isNew = (path: string): boolean => path.endsWith('2.seg');
  const left = { fsync: 1, unlink: 1, write: 1 };
  const fails = (call: keyof typeof left, code: string): void => {
    if (left[call]-- > 0) throw refusal(code);
  };
  // The disk is full for one entry; the segment that would make room fails behind its snapshot.
  disk(t, {
    writeSync: ((...args: Parameters<typeof writeSync>) => {
      fails('write', 'ENOSPC');
      return writeSync(...args);
    }) as typeof writeSync,
    fsyncSync: (fd) => {
      if (isNew(readlinkSync(`/proc/self/fd/${fd}`))) fails('fsync', 'EIO');
      fsyncSync(fd);
    },
    unlinkSync: (path) => {
      if (isNew(String(path))) fails('unlink', 'EIO');
      unlinkSync(path);
    },
  });
  spool.append({ a: 2 }, null);
  spool.append({ a: 3 }, null);
  assert.ok(left.fsync <= 0 && left.unlink <= 0 && left.write <= 0);
  // As after a kill: the first one is not closed.
  assert.deepEqual(Object.fromEntries(new Spool(dir).states), { a: 3 });
});

test('a state dir on a read-only file system: the agent does not start, and names the folder and the reason', async (t) => {
  const mount = mkdtempSync(join(tmpdir(), 'afterlog-read-only-'));
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'ro', 'tmpfs', mount]);
  t.after(() => {
    execFileSync('umount', ['-l', mount]);
    rmdirSync(mount);
  });
  const site = new AgentSite({ stateDir: join(mount, 'state') });
  t.after(() => site.close());
  await assert.rejects(site.start(), (error: Error) => {
    assert.match(error.message, new RegExp(`${mount}.*EROFS.*STATE_DIR_UNUSABLE`, 's'));
    assert.match(error.message, /It is read-only: mount it for writing, or set AFTERLOG_STATE_DIR/);
    return true;
  });
});
