import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Row, rowText } from '../../src/demo/row.ts';
import { renderScreen, type View } from '../../src/demo/screen.ts';

const at_ms = Date.parse('2026-06-01T15:30:18Z');
const view: View = {
  elapsed_ms: 3_723_000,
  fleet: {
    ...{ started: 1_234, alive: 16, deleted: 1_218, failed: 203, bytes: 123_456_789, lines: 1_234_567 },
    ...{ rotations: 40, truncations: 30, last_error: null },
  },
  lines_rates: [100, 412.4, 0, 300],
  agent: { spool_bytes: 123_456, paused: null, last_error: null },
  kafka_lag: undefined,
  stored: {
    rows: 12_345_678,
    bytes: 98_765_432,
    behind_ms: 312,
    last_words: new Map([
      [
        'sb-1a1b2c3d4e5f',
        `\r\u001b[2K\u001b]0;title\u0007漢字 done\u0000 \u001b[31mred\u001b[0m ${'word '.repeat(60)}`,
      ],
    ]),
  },
  compared: { whole: 1_200, wrong: [], lost_bytes: 0, waiting: 18 },
  happenings: [
    { at_ms, id: 'sb-0a1b2c3d4e5f', what: 'booted', how: 'after 1.2 s, runs web' },
    { at_ms: at_ms + 1_000, id: 'sb-1a1b2c3d4e5f', what: 'failed', how: 'guest panicked' },
    { at_ms: at_ms + 2_000, id: 'sb-2a1b2c3d4e5f', what: 'deleted', how: 'all 613 lines kept' },
  ],
  examples: { deleted: { id: 'sb-2a1b2c3d4e5f', failed: true }, running: 'sb-0a1b2c3d4e5f' },
  trouble: null,
  address: 'http://127.0.0.1:8600',
};
const text = (some: View, width: number, height?: number): string[] =>
  renderScreen(some, width, height).map(rowText);
const spans = (rows: Row[], style: string) => rows.flat().filter((span) => span.style === style);

test('no line is wider than the terminal, at any width from 30, whatever the figures are', () => {
  const huge = 10 ** 15;
  const extremes: View[] = [
    view,
    { ...view, stored: null, trouble: 'no answer '.repeat(30) },
    { ...view, happenings: [], examples: { deleted: null, running: null }, lines_rates: [] },
    { ...view, kafka_lag: null },
    { ...view, kafka_lag: huge, lines_rates: Array(60).fill(huge) },
    { ...view, compared: { whole: huge, wrong: ['sb-0a1b2c3d4e5f'], lost_bytes: huge, waiting: huge } },
    {
      ...view,
      elapsed_ms: 10 ** 10,
      fleet: { ...view.fleet, bytes: huge, lines: huge, alive: huge, deleted: huge, failed: huge },
    },
  ];
  for (const some of extremes) {
    for (let width = 30; width <= 200; width++) {
      for (const line of text(some, width)) assert.ok(line.length <= width, `${width}: ${line}`);
    }
  }
});

test('what it draws is printable: a guest’s escape sequences and control characters stay out', () => {
  for (const width of [40, 80, 120]) {
    for (const line of text(view, width)) assert.match(line, /^[\u0020-\u007e·…▁-█]*$/);
  }
  assert.ok(
    text(view, 80).some((line) => /sb-1a1b2c3d4e5f {2}failed +guest panicked: ·· done· red/.test(line)),
  );
});

test('the commands name real sandboxes and can be copied at any width', () => {
  for (const width of [40, 63, 80, 120]) {
    const rows = text(view, width, 60);
    const from = rows.findIndex((line) => line.startsWith('In another terminal'));
    const script = rows
      .slice(from + 1)
      .join('\n')
      .replaceAll('\\\n', '');
    const commands = script.split('\n').map((line) => line.trim());
    assert.deepEqual(
      commands.filter((line) => /^(npx|curl)/.test(line)),
      [
        'npx afterlog logs sb-2a1b2c3d4e5f --tail 20',
        'npx afterlog sandboxes',
        'curl -N "http://127.0.0.1:8600/v1/sandboxes/sb-0a1b2c3d4e5f/logs?follow=1"',
        'npx afterlog boots --failed',
        'npx afterlog crashes',
        'npx afterlog sql "SELECT source, count() FROM console_logs GROUP BY ALL"',
      ],
    );
  }
});

test('it is never higher than the terminal, keeps the figures, and shows no half command', () => {
  for (let height = 7; height <= 60; height++) {
    for (const width of [40, 60, 79]) {
      const lines = text(view, width, height);
      assert.ok(lines.length <= height);
      assert.ok(lines.some((line) => line.startsWith('  lost')));
      assert.ok(!lines.at(-1)!.endsWith('\\'));
    }
  }
  assert.ok(text(view, 79, 15).some((line) => line.includes('curl')));
  // What happens has the room that is left, the newest first of all.
  assert.ok(!text(view, 79, 13).some((line) => line.includes('booted')));
  assert.ok(text(view, 79, 17).some((line) => line.includes('deleted  all 613')));
  assert.ok(text(view, 79, 24).some((line) => line.includes('booted')));
});

test('lag through Kafka is shown, or that it is not known', () => {
  const lag = (some: View): string => text(some, 80).find((line) => line.startsWith('  lag'))!;
  assert.match(lag(view), /0\.3 s +121 KiB in spool$/);
  assert.match(lag({ ...view, kafka_lag: 1_204 }), /1,204 messages in Kafka$/);
  assert.match(lag({ ...view, kafka_lag: null }), /– messages in Kafka$/);
});

test('a difference and what stands still are shown in red', () => {
  const differing = { ...view.compared, wrong: ['sb-2a1b2c3d4e5f'], lost_bytes: 1_500 };
  const rows = renderScreen({ ...view, compared: differing, trouble: 'disk full' }, 80);
  const bad = spans(rows, 'bad').map((span) => span.text.trim());
  assert.ok(bad.includes('1.5 KiB') && bad.includes('disk full'));
  assert.match(rows.map(rowText).join('\n'), /lost +1\.5 KiB +in 1 deleted sandbox: sb-2a1b2c3d4e5f/);
  assert.ok(spans(renderScreen(view, 80), 'good').some((span) => span.text.startsWith('0 bytes')));
});
