import assert from 'node:assert/strict';
import { test } from 'node:test';
import { dataOf } from '../../../src/serve/http/sse.ts';
import { fc } from '../../support/property.ts';

/** How the runtime's two clients read a `data:` line; null where they fail. */
function readAsTypeScript(data: string): string | null {
  data = data.trimStart();
  try {
    const parsed = JSON.parse(data);
    if (typeof parsed.line === 'string') return parsed.line;
    if (typeof parsed.chunk === 'string') return parsed.chunk;
    if (typeof parsed.error === 'string') return null;
  } catch {}
  return data;
}

function readAsPython(data: string): string | null {
  // str.splitlines() breaks at all of these: what follows would be lost.
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are meant
  if (/[\n\v\f\r\x1c-\x1e\x85\u2028\u2029]/.test(data)) return null;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are meant
  data = data.replace(/^[\s\x1c-\x1f]+|[\s\x1c-\x1f]+$/g, '');
  if (/^(NaN|-?Infinity)$/.test(data)) return null;
  try {
    const parsed = JSON.parse(data);
    if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) return null;
    return String(parsed.line ?? parsed.chunk ?? data);
  } catch {
    return data;
  }
}

const lines = [
  'plain text',
  '',
  '42',
  '-1.5e3',
  'null',
  'true',
  '"quoted"',
  '[1,2]',
  'NaN',
  '-Infinity',
  '{"level":"info","msg":"an application’s JSON"}',
  '{"line":"fake"}',
  '{"chunk":1}',
  '{"level":"error","error":"boom"}',
  '{ not json',
  '[    0.123456] EXT4-fs (vda): mounted',
  '[12:04:31] [autostart] ready',
  '50%\r100%',
  'a\nb',
  'nel\x85 ls\u2028 ps\u2029 vt\v ff\f fs\x1c',
  '\u0000nul',
  '  File "app.py", line 3, in <module>',
  '\tat handler (app.js:3)',
  'trailing ',
  '\x1ffs',
];

test('both clients of the runtime read back every line as it is', () => {
  for (const line of lines) {
    assert.equal(readAsTypeScript(dataOf(line)), line);
    assert.equal(readAsPython(dataOf(line)), line);
  }
});

test('both clients read back whatever looks like JSON at its ends', () => {
  const pieces = [
    '{',
    '}',
    '[',
    ']',
    '"',
    '"a"',
    '"line"',
    ':',
    ',',
    '-',
    '1',
    '.5',
    'e3',
    'null',
    'true',
    'x',
  ];
  const texts = fc.array(fc.constantFrom(...pieces, 'NaN', 'Infinity', ' ', '\\'), { maxLength: 8 });
  fc.assert(
    fc.property(texts, (some) => {
      const line = some.join('');
      assert.equal(readAsTypeScript(dataOf(line)), line);
      assert.equal(readAsPython(dataOf(line)), line);
    }),
    { numRuns: 5_000 },
  );
});

test('text and the JSON lines of applications stay as they are', () => {
  for (const line of [
    'plain text',
    '[    0.123456] EXT4-fs',
    '{"level":"info","msg":"x"}',
    '{ not json',
    '',
  ]) {
    assert.equal(dataOf(line), line);
  }
});
