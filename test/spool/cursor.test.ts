import assert from 'node:assert/strict';
import { mkdirSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { CursorFile } from '../../src/spool/cursor.ts';
import { temporaryDir } from '../support/temporary.ts';

test('an epoch whose binding cannot be saved is not bound, and can be bound again', async (t) => {
  const dir = await temporaryDir(t);
  const cursor = new CursorFile(dir);
  // Cannot be opened for writing, whoever runs this.
  mkdirSync(join(dir, 'cursor.json.new'));
  assert.throws(() => cursor.bind(7, { topic: 'a', partition: 1 }), { code: 'EISDIR' });
  assert.equal(cursor.bindings.get(7), undefined);
  rmdirSync(join(dir, 'cursor.json.new'));
  cursor.bind(7, { topic: 'b', partition: 2 });
  assert.deepEqual(new CursorFile(dir).bindings.get(7), { topic: 'b', partition: 2 });
});
