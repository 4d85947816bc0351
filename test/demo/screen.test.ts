import assert from 'node:assert/strict';
import { test } from 'node:test';
import { renderScreen, type View } from '../../src/demo/screen.ts';
import { byteText, durationText, harmless, shellLines } from '../../src/demo/text.ts';

const view: View = {
  elapsed_ms: 3_723_000,
  way: 'direct to ClickHouse',
  fleet: {
    ...{ started: 1_234, alive: 16, deleted: 1_218, crashed: 203, bytes: 123_456_789, lines: 1_234_567 },
    ...{ rotations: 40, truncations: 30, last_error: null },
    recent: [
      { id: 'sb-0a1b2c3d4e5f', scenario: 'app', state: 'running' },
      { id: 'sb-1a1b2c3d4e5f', scenario: 'oom-loop', state: 'crashed' },
      { id: 'sb-2a1b2c3d4e5f', scenario: 'app', state: 'deleted' },
    ],
  },
  lines_rate: 412.4,
  agent: { spool_bytes: 123_456, gaps: 0, paused: null, last_error: null },
  stored: {
    rows: 12_345_678,
    bytes: 98_765_432,
    behind_ms: 312,
    last_lines: new Map([
      ['sb-0a1b2c3d4e5f', `${'word '.repeat(60)}\u001b[31mred\u001b[0m`],
      ['sb-2a1b2c3d4e5f', '\r\u001b[2K\u001b]0;title\u0007漢字 done\u0000'],
    ]),
  },
  compared: { whole: 1_200, wrong: [], lost_bytes: 0, waiting: 18 },
  trouble: null,
  address: 'http://127.0.0.1:8600',
};
const text = (some: View, width: number, height?: number): string[] =>
  renderScreen(some, width, height).map((row) => row.text);

test('no line is wider than the terminal, at any width from 40, whatever the figures are', () => {
  const huge = 10 ** 15;
  const extremes: View[] = [
    view,
    { ...view, stored: null, trouble: 'no answer '.repeat(30) },
    { ...view, fleet: { ...view.fleet, recent: [] } },
    { ...view, compared: { whole: huge, wrong: ['sb-0a1b2c3d4e5f'], lost_bytes: huge, waiting: huge } },
    {
      ...view,
      elapsed_ms: 10 ** 10,
      fleet: { ...view.fleet, bytes: huge, lines: huge, alive: huge, deleted: huge, crashed: huge },
    },
  ];
  for (const some of extremes) {
    for (let width = 40; width <= 200; width++) {
      for (const line of text(some, width)) assert.ok(line.length <= width, `${width}: ${line}`);
    }
  }
});

test('what it draws is printable: a guest’s escape sequences and control characters stay out', () => {
  for (const width of [40, 80, 120]) {
    for (const line of text(view, width)) assert.match(line, /^[\u0020-\u007e·…]*$/);
  }
  assert.ok(text(view, 80).some((line) => line.includes('sb-2a1b2c3d4e5f deleted  ·· done')));
});

test('the commands name a deleted sandbox and can be copied at any width', () => {
  for (const width of [40, 63, 80, 120]) {
    const rows = renderScreen(view, width).filter((row) => row.style === 'command');
    const script = rows.map((row) => row.text).join('\n');
    const commands = script.replaceAll('\\\n', '').split('\n');
    assert.deepEqual(
      commands.map((command) => command.trim()),
      [
        'npx afterlog sandboxes',
        'npx afterlog logs sb-2a1b2c3d4e5f --tail 20',
        'npx afterlog sql "SELECT source, count() FROM console_logs GROUP BY source"',
        'curl "http://127.0.0.1:8600/v1/sandboxes/sb-2a1b2c3d4e5f/logs?tail=20"',
      ],
    );
  }
});

test('a low terminal loses the list of sandboxes first', () => {
  const full = text(view, 80);
  const low = text(view, 80, full.length - 3);
  assert.equal(low.length <= full.length - 3, true);
  assert.ok(low.some((line) => line.includes('curl')));
  assert.ok(low.some((line) => line.includes('lost')));
  assert.equal(text(view, 80, 5).length, 5);
});

test('a difference is shown, with the sandbox', () => {
  const differing = { ...view.compared, wrong: ['sb-2a1b2c3d4e5f'], lost_bytes: 1_500 };
  const row = renderScreen({ ...view, compared: differing }, 80).find((found) => found.style === 'bad');
  assert.match(row!.text, /lost +1\.5 kB +1 sandboxes? differ: sb-2a1b2c3d4e5f/);
});

test('text for terminals', () => {
  assert.equal(harmless('\u001b[1;31mred\u001b[0m \u001b]0;x\u0007plain', 80), 'red plain');
  assert.equal(harmless('10%\r50%\r100%\r', 80), '100%');
  assert.equal(harmless('abcdef', 4), 'abc…');
  assert.deepEqual([0, 999, 1_000, 999_960, 12_345_678].map(byteText), [
    '0 B',
    '999 B',
    '1.0 kB',
    '1.0 MB',
    '12.3 MB',
  ]);
  assert.deepEqual([59_999, 61_000, 7_500_000].map(durationText), ['59 s', '1 min 01 s', '2 h 05 min']);
  assert.deepEqual(shellLines('ls -l', 40), ['  ls -l']);
});
