import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { parseFile } from '../../src/parse/file.ts';
import { RowTarget } from '../../src/rows/row_target.ts';
import { StreamRows } from '../../src/rows/stream_rows.ts';
import { BatchBuilder } from '../../src/wire/batch_builder.ts';
import { decodeValue } from '../../src/wire/decode.ts';
import { fc, seed } from '../support/property.ts';
import { rowsOfBlock } from '../support/spool_rows.ts';

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

/** Stamps of all ages, around the moment at which the test writes its file. */
const stamp = fc
  .constantFrom(-86_400_000, -3_600_000, -119_000, -1_000, 0, 60_000, 3_600_000)
  .map((ms) => new Date(Date.now() + ms).toISOString());
const line = fc.oneof(
  stamp.map((at) => `${at} [agent] up`),
  stamp.map((at) => `${at} plain`),
  stamp.map((at) => `[${at.slice(11, 19)}] [autostart] phase1`),
  stamp.map((at) => `{"time":"${at}","level":"error","msg":"x"}`),
  stamp.map((at) => `<3>${at.slice(0, 19).replace('T', ' ')} ERROR no`),
  fc.constantFrom(
    ...['[    0.000000] Linux version 6.1', '[    9.500000] Kernel panic - not syncing: x', 'sb login: ', ''],
    ...['Traceback (most recent call last):', '  File "a.py", line 1, in f', 'ValueError: no', 'plain\r'],
    ...['[999999.000000] far ahead', '2001-01-01T00:00:00Z old', '9999-01-01T00:00:00Z never'],
  ),
);

test('what it says of a file that was read whole is what the agent stores', (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'afterlog-parse-'));
  t.after(() => rmSync(dir, { recursive: true }));
  let files = 0;
  fc.assert(
    fc.property(fc.array(line, { minLength: 1, maxLength: 12 }), fc.boolean(), (lines, ends) => {
      const path = join(dir, `${files++}`);
      const bytes = Buffer.from(lines.join('\n') + (ends ? '\n' : ''));
      writeFileSync(path, bytes);
      const { birthtimeNs, mtimeMs } = statSync(path, { bigint: true });
      const target = new RowTarget(new BatchBuilder('host'));
      const name = { sandbox: 'sb', log: 'console', started: String(birthtimeNs) };
      const rows = new StreamRows(target, name);
      rows.lines({ position: 0, crc32: 0 }, bytes, 0, true, Number(mtimeMs));
      const stored = bytes.length === 0 ? [] : rowsOfBlock(decodeValue(target.builder.finish(1, 1, 1).value));
      const parsed = [...parseFile(path, 'console')];
      assert.equal(parsed.length, stored.length);
      for (const [index, row] of parsed.entries()) {
        const { position, entry, timestamp_kind, source, severity, event, title, message } = stored[index]!;
        const { timestamp: _, prefix: __, ending: ___, ...told } = row;
        const all = {
          position,
          entry_position: entry,
          timestamp_kind,
          source,
          severity,
          event,
          title,
          message,
        };
        assert.deepEqual(told, all);
        // Both clocks are of milliseconds here, and of nanoseconds there.
        const off_ms = Date.parse(row.timestamp) - Number(stored[index]!.timestamp / 1_000_000n);
        assert.ok(Math.abs(off_ms) <= 1, `${row.timestamp_kind}: ${off_ms} ms`);
      }
    }),
    { numRuns: 300, seed },
  );
});
