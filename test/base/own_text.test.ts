import assert from 'node:assert/strict';
import {
  chmodSync,
  lstatSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { writeOwnText } from '../../src/base/own_text.ts';
import { temporaryDir } from '../support/temporary.ts';

test('a secret takes the place of an open file, and a reader of that sees nothing of it', async (t) => {
  const path = join(await temporaryDir(t), 'up.json');
  writeFileSync(path, 'old');
  chmodSync(path, 0o666);
  const { ino } = statSync(path);
  writeOwnText(path, 'secret');
  assert.equal(readFileSync(path, 'utf8'), 'secret');
  assert.equal(statSync(path).mode & 0o777, 0o600);
  assert.notEqual(statSync(path).ino, ino);
});

test('a secret takes the place of a link, and does not go where that leads', async (t) => {
  const dir = await temporaryDir(t);
  const elsewhere = join(dir, 'elsewhere');
  writeFileSync(elsewhere, 'kept');
  symlinkSync(elsewhere, join(dir, 'up.json'));
  writeOwnText(join(dir, 'up.json'), 'secret');
  assert.equal(readFileSync(elsewhere, 'utf8'), 'kept');
  assert.ok(lstatSync(join(dir, 'up.json')).isFile());
});

test('a secret that cannot be written leaves nothing behind', async (t) => {
  const dir = await temporaryDir(t);
  assert.throws(() => writeOwnText(join(dir, 'missing', 'x'), 'secret'), /ENOENT/);
  assert.deepEqual(readdirSync(dir), []);
});
