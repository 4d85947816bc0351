import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { parseFile } from '../../src/parse/file.ts';

function rowsOf(t: TestContext, text: string, changed = '2026-06-02T00:00:00Z') {
  const dir = mkdtempSync(join(tmpdir(), 'afterlog-parse-'));
  t.after(() => rmSync(dir, { recursive: true }));
  const path = join(dir, 'console.log');
  writeFileSync(path, text);
  utimesSync(path, new Date(changed), new Date(changed));
  return [...parseFile(path, 'console')];
}

test('kernel seconds of a recorded file are placed by the stamps behind them, the tightest of all', (t) => {
  const rows = rowsOf(
    t,
    '[    0.000000] Linux\n[    5.000000] Run /init\n2026-06-01T15:30:08.000000001Z late\n[    9.000000] a\n2026-06-01T15:30:10.000000001Z b\n',
  );
  assert.deepEqual(
    rows.map(({ timestamp, timestamp_kind }) => [timestamp.slice(11, 21), timestamp_kind]),
    [
      ['15:30:01.0', 'kernel_clock'],
      ['15:30:06.0', 'kernel_clock'],
      ['15:30:08.0', 'line'],
      ['15:30:10.0', 'kernel_clock'],
      ['15:30:10.0', 'line'],
    ],
  );
});

test('a second boot, and a clock that is set back, do not place the first boot', (t) => {
  const rows = rowsOf(
    t,
    '[    5.000000] a\n2026-06-01T15:30:05.000000001Z b\n2026-06-01T09:00:00Z set back\n[    0.000000] again\n2026-06-01T09:00:01Z c\n',
  );
  assert.equal(rows[0]!.timestamp.slice(11, 21), '15:30:05.0');
});

test('kernel seconds of a file without stamps have the distances of the kernel; other lines the file’s last change', (t) => {
  const rows = rowsOf(t, 'BIOS\n[    1.000000] a\n[    3.500000] b\n');
  assert.equal(rows[0]!.timestamp, '2026-06-02T00:00:00.000000000Z');
  assert.equal(Date.parse(rows[2]!.timestamp) - Date.parse(rows[1]!.timestamp), 2_500);
});

test('stamps of a recorded file are believed however far they are from its last change', (t) => {
  const rows = rowsOf(t, '2011-04-01 15:14:34.203 a\nApr  1 15:14:34 host b: c\n');
  assert.deepEqual(
    rows.map(({ timestamp }) => timestamp),
    ['2011-04-01T15:14:34.203000000Z', '2026-04-01T15:14:34.000000000Z'],
  );
});
