import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { test } from 'node:test';
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
