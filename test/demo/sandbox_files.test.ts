import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { crc32 } from 'node:zlib';
import { createSandboxFiles } from '../../src/demo/sandbox_files.ts';

function folder(context: TestContext): string {
  const dir = mkdtempSync(join(tmpdir(), 'afterlog-fleet-'));
  context.after(() => rmSync(dir, { recursive: true, force: true }));
  return join(dir, 'vms', 'sb-0123456789ab');
}

test('the ledger is what the files hold, across rotations', (context) => {
  const dir = folder(context);
  const files = createSandboxFiles(dir, 1_000);
  for (let number = 0; number < 45; number++)
    files.console(Buffer.from(`line ${number} ${'x'.repeat(80)}\r\n`));
  files.event('{"type":"sandbox.running"}\n');
  files.close();
  const path = join(dir, 'console.log');
  const held = [`${path}.3`, `${path}.2`, `${path}.1`, path].map((name) => readFileSync(name));
  const all = Buffer.concat(held);
  assert.ok(held.slice(0, 3).every((file) => file.length >= 1_000));
  assert.deepEqual(files.written.console, { bytes: all.length, lines: 45, crc32: crc32(all) });
  const events = readFileSync(join(dir, 'events.jsonl'));
  assert.deepEqual(files.written.events, { bytes: events.length, lines: 1, crc32: crc32(events) });
});

test('no more than three old generations are kept', (context) => {
  const dir = folder(context);
  const files = createSandboxFiles(dir, 100);
  for (let number = 0; number < 20; number++) files.console(Buffer.alloc(100, 65 + number));
  files.close();
  assert.equal(files.written.console.bytes, 2_000);
  assert.equal(existsSync(join(dir, 'console.log.4')), false);
  assert.equal(readFileSync(join(dir, 'console.log.3'), 'latin1'), 'Q'.repeat(100));
});

test('a wake truncates the same inode, and the ledger goes on', (context) => {
  const dir = folder(context);
  const files = createSandboxFiles(dir, 1_000);
  const path = join(dir, 'console.log');
  files.console(Buffer.from('before\n'));
  const { ino } = statSync(path);
  files.wake();
  assert.deepEqual([statSync(path).ino, statSync(path).size], [ino, 0]);
  files.console(Buffer.from('after\n'));
  files.close();
  assert.equal(readFileSync(path, 'latin1'), 'after\n');
  assert.deepEqual(files.written.console, { bytes: 13, lines: 2, crc32: crc32('before\nafter\n') });
});

test('a copy-truncate leaves a copy, and a hole of NUL before what is written next', (context) => {
  const dir = folder(context);
  const files = createSandboxFiles(dir, 1_000);
  const path = join(dir, 'console.log');
  files.console(Buffer.from('before\n'));
  const { ino } = statSync(path);
  files.copyTruncate();
  files.console(Buffer.from('after\n'));
  files.close();
  assert.equal(statSync(path).ino, ino);
  assert.equal(readFileSync(`${path}.1`, 'latin1'), 'before\n');
  assert.equal(readFileSync(path, 'latin1'), '\0\0\0\0\0\0\0after\n');
  assert.equal(files.written.console.bytes, 13);
});

test('removing deletes the folder', (context) => {
  const dir = folder(context);
  const files = createSandboxFiles(dir, 1_000);
  files.console(Buffer.from('text'));
  files.remove();
  assert.equal(existsSync(dir), false);
});
