import assert from 'node:assert/strict';
import { appendFileSync, chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { limits } from '../../src/base/limits.ts';
import { until } from '../support/patience.ts';
import { releasedAgent } from '../support/released_agent.ts';
import { TestRuntime } from '../support/runtime.ts';

test('a file that a guest put into its folder does not choose the tenant where a runtime is set', async (t) => {
  const runtime = await TestRuntime.start(t);
  runtime.add('sb', 'python', 'its own');
  const { agent, vms, write, lines: rows } = await releasedAgent(t, { AFTERLOG_RUNTIME_URL: runtime.url });
  const path = write('sb', 'first\n');
  // By a folder that it shares with the host.
  const chosen = join(vms, 'sb', 'sandbox.json');
  writeFileSync(chosen, '{"workspace":"victim","template":"theirs"}');
  chmodSync(chosen, 0o644);
  agent.start();
  const workspaces = (): string[] => [...new Set(rows('sb').map(({ workspace }) => workspace))];
  await until(() => {
    appendFileSync(path, 'more\n');
    return workspaces().some((name) => name !== '');
  });
  assert.deepEqual(
    workspaces().filter((name) => name !== ''),
    ['its own'],
  );
});

const FUTURE = [
  '[99999999.000000] Kernel panic - not syncing: VFS: Unable to mount root fs on unknown-block(0,0)',
  'a line without a stamp behind it',
  '2031-05-05T05:05:05Z a stamp of another year',
  '{"time":"2031-05-05T05:05:05Z","level":"error","msg":"in JSON"}',
  '1935731105.5 in seconds since 1970',
  'prompt> [88888888.000000] in the middle of a line',
];

test('no stamp of a guest is stored as a time after it was read, or before its console was there', async (t) => {
  const { agent, write, read } = await releasedAgent(t);
  const before = Date.now();
  const boot = '[    0.500000] Linux version 6.1\n';
  write('kernel', `${boot}${FUTURE.join('\n')}\n`);
  // Each of these is within half a day of the one before, and together they lead anywhere.
  const noon = Math.floor(before / 1000);
  const clock = (step: number): string => new Date((noon + step * 42_000) * 1000).toISOString().slice(11, 19);
  const days = Array.from({ length: 20 }, (_, step) => `[${clock(step)}] one step on\n`).join('');
  write('days', days);
  const past = Array.from({ length: 20 }, (_, step) => `[${clock(-step)}] one step back\n`).join('');
  write('past', `${past}1999-01-01T00:00:00Z long ago\n2001-01-01T00:00:00Z later, and long ago\n`);
  agent.start();
  const found = [
    ...(await read('kernel', FUTURE.length + 1)),
    ...(await read('days', 20)),
    ...(await read('past', 22)),
  ];
  const skew_ms = limits.parse.clock_skew_max_s * 1000;
  const outside = found
    .map(({ timestamp, bytes }) => ({ ms: Number(timestamp / 1_000_000n), text: String(bytes).trim() }))
    .filter(({ ms }) => ms > Date.now() + skew_ms || ms < before - skew_ms)
    .map(({ ms, text }) => `${new Date(ms).toISOString()} ${text}`);
  assert.deepEqual(outside, []);
});
