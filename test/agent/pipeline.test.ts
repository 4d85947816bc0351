import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { appendFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Pipeline } from '../../src/agent/pipeline.ts';
import { Spool } from '../../src/spool/spool.ts';
import { fromSpool } from '../../src/wire/spooled.ts';
import { AgentSite } from '../support/agent_site.ts';
import { randomOf } from '../support/content.ts';
import { PipedLog } from '../support/piped_log.ts';
import { assertBytes, bytesOf } from '../support/streams.ts';

/** An agent whose state dir is a file system of `size`, and a function that fills and one that frees it. */
function onSmallDisk(t: TestContext, size: string): { site: AgentSite; fill: () => void; free: () => void } {
  const disk = mkdtempSync(join(tmpdir(), 'afterlog-disk-'));
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', disk]);
  mkdirSync(join(disk, 'state'));
  const site = new AgentSite({ stateDir: join(disk, 'state') });
  t.after(async () => {
    await site.close();
    execFileSync('umount', ['-l', disk]);
    rmSync(disk, { recursive: true });
  });
  const ballast = join(disk, 'ballast');
  const fill = (): void => {
    for (const bytes of [65_536, 4_096, 64, 1]) {
      try {
        for (;;) appendFileSync(ballast, Buffer.alloc(bytes));
      } catch {}
    }
  };
  return { site, fill, free: () => rmSync(ballast) };
}

test('a full disk pauses reading and says so; once there is room, all comes without anything new being written', async (t) => {
  const { site, fill, free } = onSmallDisk(t, '8m');
  await site.start();
  site.make('sb');
  site.make('rotated');
  writeFileSync(site.path('sb'), 'before\n');
  writeFileSync(site.path('rotated'), 'before\n');
  await site.read('sb', 7);
  await site.read('rotated', 7);
  fill();
  const random = randomOf(3);
  const lines = Array.from({ length: 40_000 }, () => `${random()}\n`).join('');
  appendFileSync(site.path('sb'), lines);
  appendFileSync(site.path('rotated'), 'after\n');
  await site.eventually('a message', () => /Reading pauses/.test(site.output));
  site.make('new');
  writeFileSync(site.path('new'), 'born while the disk was full\n');
  site.delete('rotated');
  await sleep(2_500);
  free();
  await site.eventually('a message', () => /Reading goes on/.test(site.output));
  await site.read('sb', 7 + lines.length);
  await site.read('new', 29);
  site.delete('sb');
  site.delete('new');
  assertBytes(bytesOf(await site.sealed('sb')), Buffer.from(`before\n${lines}`), 'sb');
  assert.equal(bytesOf(await site.sealed('new')).toString(), 'born while the disk was full\n');
  assert.equal(bytesOf(await site.sealed('rotated')).toString(), 'before\nafter\n');
  await site.empty();
});

test('killed while the disk is full: nothing is lost and nothing repeated once there is room', async (t) => {
  const { site, fill, free } = onSmallDisk(t, '8m');
  await site.start();
  site.make('sb');
  writeFileSync(site.path('sb'), 'before\n');
  await site.read('sb', 7);
  fill();
  appendFileSync(site.path('sb'), 'while full\n'.repeat(50_000));
  await site.eventually('a message', () => /Reading pauses/.test(site.output));
  await site.kill();
  free();
  await site.start();
  await site.read('sb', 7 + 550_000);
  site.delete('sb');
  assertBytes(
    bytesOf(await site.sealed('sb')),
    Buffer.from(`before\n${'while full\n'.repeat(50_000)}`),
    'sb',
  );
  await site.empty();
});

test('an agent that is told to stop while its disk is full ends', async (t) => {
  const { site, fill } = onSmallDisk(t, '8m');
  await site.start();
  site.make('sb');
  writeFileSync(site.path('sb'), 'before\n');
  await site.read('sb', 7);
  fill();
  appendFileSync(site.path('sb'), 'while full\n'.repeat(50_000));
  await site.eventually('a message', () => /Reading pauses/.test(site.output));
  assert.equal(await site.stop(), 0);
});

test('many streams of every size in one batch keep apart', async (t) => {
  const site = new AgentSite();
  t.after(() => site.close());
  const random = randomOf(5);
  const contents = Array.from({ length: 400 }, (_, at) => {
    const line = `sandbox ${at} ${'x'.repeat(random() * 200)}\n`;
    return Buffer.from(line.repeat(1 + random() * 60));
  });
  for (const [at, bytes] of contents.entries()) {
    site.make(`sb-${at}`);
    writeFileSync(site.path(`sb-${at}`), bytes);
  }
  await site.start();
  for (const at of contents.keys()) await site.read(`sb-${at}`, contents[at]!.length);
  for (const at of contents.keys()) site.delete(`sb-${at}`);
  for (const [at, bytes] of contents.entries())
    assertBytes(bytesOf(await site.sealed(`sb-${at}`)), bytes, `sb-${at}`);
  await site.empty();
});

test('logs that have nothing to say take no room in a batch, however many there are', async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'afterlog-pipeline-'));
  const spool = new Spool(dir);
  const pipeline = new Pipeline('host', spool, { paused: () => {}, freed: () => {}, release: () => {} });
  t.after(async () => {
    await pipeline.close();
    await spool.close();
    rmSync(dir, { recursive: true });
  });
  const log = (n: number) => new PipedLog(pipeline, `sandbox-with-a-name-of-36-characters-${n}`);
  for (let n = 0; n < 70_000; n++) log(n).write('');
  log(1).write('a line\n');
  assert.equal(pipeline.flush(), true);
  await spool.durable();
  const [entry] = spool.read(1, 1);
  assert.equal(fromSpool(entry!.payload).header.rows, 1);
});
