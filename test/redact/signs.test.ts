import assert from 'node:assert/strict';
import { test } from 'node:test';
import { builtInKinds } from '../../src/redact/kinds.ts';
import { signsFor } from '../../src/redact/secrets.ts';

/** Number of reads of a byte by the search for secrets. */
function reads(text: string): number {
  let count = 0;
  const bytes = new Proxy(Buffer.from(text, 'latin1'), {
    get(target, name) {
      if (typeof name === 'string' && /^\d+$/.test(name)) count++;
      const value = Reflect.get(target, name, target) as unknown;
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
  signsFor(new Set(builtInKinds)).find([], bytes, 0, 0, bytes.length);
  return count;
}

const READS_A_BYTE_MAX = 256;

test('no text makes the search read a byte more than some hundred times', () => {
  const signs = [
    ...[
      'eyJ',
      'sk-',
      'EAAA',
      'ghp_',
      'pw',
      'key',
      'xkey=!',
      'pw=$',
      'pw=${',
      'secret=/',
      'secret="/',
      'pass=1',
    ],
    ...['token=a', 'token: a', 'x_key="a ', "x_key='a ", 'password: a', 'accountkey:!', 'x-api-key: !'],
    ...['curl ', 'curl -u ', 'curl -u a', 'mysql -p ', 'authorization:', 'authorization: Bearer ', 'basic '],
    ...[
      'cookie:',
      'cookie: a=*;',
      'cookie: path=',
      'cookie:["a",',
      '"cookie":["a","',
      '_session=',
      'cookie=a;',
    ],
    ...[
      '://',
      'a://b:',
      'a:\\/\\/b:',
      'a://b:1/',
      'a://:c@',
      '@tcp(',
      'a:b@tcp(',
      '@',
      'a@b.',
      '|',
      ':A',
      '-us',
    ],
    ...[
      '"DB_PASSWORD=!',
      "'pw=!",
      '\\"pw\\":\\"',
      'hooks.slack.com/services/',
      'github_pat_',
      '<pw>',
      '--pw ',
    ],
    ...['pw=;a', 'pw=)', 'pw=,"', 'pw=\\', '"name":"pw","value', 'ya29.', 'A3-AAAAAA-', 's.', '.atlasv1.'],
  ];
  for (const sign of signs) {
    for (const text of [sign, `${sign}${'a'.repeat(40)}`, `${sign} `]) {
      const line = text.repeat(Math.ceil(12_000 / text.length));
      const each = reads(line) / line.length;
      assert.ok(each <= READS_A_BYTE_MAX, `${each.toFixed(0)} reads a byte of ${JSON.stringify(text)}`);
    }
  }
});
