import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { limits } from '../../src/base/limits.ts';
import type { Account } from '../../src/tail/fair_shares.ts';
import { overrideLimits } from '../support/limits.ts';
import { bytesOf } from '../support/streams.ts';
import { TailHost } from '../support/tail_host.ts';

const line = `${'x'.repeat(1023)}\n`;

test('a loud sandbox waits in its file while others are read, and a wake meanwhile takes nothing of it', async (t) => {
  const window = 300_000;
  overrideLimits(
    {
      fair: {
        window_bytes_min: window,
        window_bytes_max: window,
        share_bytes_min: 10_000,
        outage_ms: 3_600_000,
      },
    },
    t,
  );
  const host = new TailHost(t);
  const burst = line.repeat(2_000);
  host.write('loud', burst);
  await host.eventually('it is held back', () => host.tailer.heldBackLogs === 1);
  host.write('quiet', 'one\n');
  await host.read('quiet', 4);
  await host.aside('loud', [burst.length]);
  const before = bytesOf(host.streams('loud')).length;
  assert.ok(before < burst.length / 2, `${before} bytes of it are read, and nothing is delivered`);
  writeFileSync(host.path('loud'), 'after the wake\n');
  host.write('quiet', 'two\n');
  await host.read('quiet', 8);
  await host.eventually('all of it', () => {
    host.deliver();
    return bytesOf(host.streams('loud')).length === burst.length + 15;
  });
  host.delete('loud');
  host.delete('quiet');
  const streams = await host.sealed('loud', 2);
  assert.deepEqual(
    streams.map(({ bytes, seal }) => [bytes.length, seal!.reason, seal!.complete]),
    [
      [burst.length, 'truncated', false],
      [15, 'deleted', true],
    ],
  );
  assert.equal((await host.sealed('quiet'))[0]!.seal!.complete, true);
  await host.eventually('nothing left', () => host.pinned() === 0 && host.tailer.held.aside_bytes === 0);
});

test('empty lines take turns, too: a quiet sandbox is read within a chunk of them', async (t) => {
  const host = new TailHost(t);
  const lines = limits.tail.read_chunk_bytes - 1;
  let before = 0;
  // On a busy machine the quiet one may come first, which says nothing.
  for (let round = 0; round < 10 && before === 0; round++) {
    const [loud, quiet] = [`loud-${round}`, `quiet-${round}`];
    host.tailer.pause();
    host.write(loud, '\n'.repeat(lines));
    await host.eventually('it is seen', () => host.hasSeen(loud, lines));
    host.write(quiet, 'one\n');
    await host.eventually('both are pinned', () => host.pinned() === 2 * (round + 1));
    let isOver = false;
    const { pipeline } = host;
    const took = pipeline.took.bind(pipeline);
    const mock = t.mock.method(pipeline, 'took', (account: Account, bytes: number, rows: number) => {
      isOver ||= rows === 1 && bytes === 4;
      if (!isOver) before += rows;
      took(account, bytes, rows);
    });
    host.tailer.resume();
    await host.read(quiet, 4);
    await host.read(loud, lines);
    mock.mock.restore();
  }
  assert.ok(before > 0 && before < 2 * limits.fair.turn_rows, `${before} rows before the quiet one`);
});
