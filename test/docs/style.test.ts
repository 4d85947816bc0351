import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { root } from '../support/imports.ts';

const CHARACTERS_MAX = 110;

test(`no line of a comment in src/ has more than ${CHARACTERS_MAX} characters`, () => {
  const long = globSync('src/**/*.ts', { cwd: root })
    .sort()
    .flatMap((path) =>
      readFileSync(join(root, path), 'utf8')
        .split('\n')
        .flatMap((line, at) => {
          const isComment = /^\s*(?:\/\/|\/?\*)/.test(line);
          return isComment && [...line].length > CHARACTERS_MAX ? [`${path}:${at + 1}`] : [];
        }),
    );
  assert.deepEqual(long, []);
});
