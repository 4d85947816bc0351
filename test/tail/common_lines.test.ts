import assert from 'node:assert/strict';
import { closeSync, openSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { commonLinesTo } from '../../src/tail/common_lines.ts';
import { temporaryDir } from '../support/temporary.ts';

/** Behind the first line of the new content, so much of the former one. */
const cases: [former: string, isStart: boolean, common: string, what: string][] = [
  ['former line 7\n', true, '', 'a line with a number'],
  ['\nformer line 7\n', true, '\n', 'an empty line'],
  ['\r\n\n', true, '\r\n\n', 'empty lines up to the end'],
  ['ready\nformer line 7\n', true, 'ready\n', 'a line without a number'],
  ['of a line\nformer line 7\n', false, '', 'the rest of a line'],
  ['the new line 1\nformer line 7\n', true, 'the new line 1\n', 'a line that stands there more than once'],
  // Most writers that leave holes never write NULs, so these are no doubt.
  [`${'\0'.repeat(900)}former line 7\n`, false, '', 'the rest of a hole'],
];

test('lines are common to two contents if they are empty, repeated, or without a number', async (t) => {
  const path = join(await temporaryDir(t), 'console.log');
  const before = 'the new line 1\nthe new line 2\n';
  for (const [former, isStart, common, what] of cases) {
    writeFileSync(path, before + former);
    const fd = openSync(path, 'r');
    const to = commonLinesTo(fd, before.length, before.length + former.length, isStart);
    closeSync(fd);
    assert.equal(to - before.length, common.length, what);
  }
});
