import assert from 'node:assert/strict';
import { test } from 'node:test';
import { limits } from '../../src/base/limits.ts';
import { lineEnd } from '../../src/parse/line/split.ts';
import { builtInKinds, type Kind } from '../../src/redact/kinds.ts';
import { type RedactionState, Redactor } from '../../src/redact/redactor.ts';
import { randomOf } from '../support/content.ts';
import { drawn } from '../support/hidden.ts';

const hidden = (text: string, redactor = new Redactor(builtInKinds, [])): string =>
  redactor.hide(Buffer.from(text), 0, null).toString();

const upper = (length: number): string => drawn(length, 'A8KD0ZQ3XMP7CR2TYW9L');

/** Of each kind: text before the secret, the secret, text behind it. */
const secrets: [Kind, string, string, string][] = [
  ['aws', 'key=', `AK${'IA'}${upper(16)}`, ' region=eu-west-1'],
  ['aws', '"', `AS${'IA'}${upper(16)}`, '"'],
  ['aws', 'AWS_SECRET_ACCESS_KEY=', `${drawn(38)}+/`, ''],
  ['aws', '{"SecretAccessKey": "', drawn(40), '"}'],
  ['aws', 'aws_session_token = ', drawn(160), ''],
  ['gcp', 'https://maps.example/api?key=', `AI${'za'}${drawn(35)}`, '&q=x'],
  ['gcp', 'token ', `ya${'29.'}${drawn(60)}`, ''],
  [
    'azure',
    'DefaultEndpointsProtocol=https;AccountName=x;AccountKey=',
    `${drawn(86)}==`,
    ';EndpointSuffix=y',
  ],
  ['azure', 'https://x.blob.core.windows.net/c?sv=2022-11-02&sig=', `${drawn(42)}%3D`, '&se=2026'],
  ['azure', 'client_secret: ', `abc8${'Q~'}${drawn(34)}`, ''],
  ['github', 'remote: ', `gh${'p_'}${drawn(36)}`, ' is used'],
  ['github', 'GITHUB_TOKEN=', `github${'_pat_'}${drawn(22)}_${drawn(50)}`, ''],
  ['slack', 'slack: ', `xo${'xb-'}123456789012-123456789012-${drawn(24)}`, ''],
  ['slack', 'POST https://', `hooks.slack${'.com/services/'}T0123/B0123/${drawn(24)}`, ' 200'],
  ['stripe', 'Stripe(', `sk${'_live_'}${drawn(24)}`, ')'],
  ['openai', 'OPENAI_API_KEY=', `s${'k-'}proj-${drawn(48)}`, ''],
  ['openai', 'x-api-key was ', `s${'k-'}ant-api03-${drawn(60)}`, ''],
  ['token', 'npm ', `np${'m_'}${drawn(36)}`, ' published'],
  ['token', 'CI_TOKEN ', `gl${'pat-'}${drawn(20)}`, ''],
  ['jwt', 'cookie session=', `ey${'J'}hbGciOiJIUzI1NiJ9.ey${'J'}zdWIiOiIxIn0.${drawn(43)}`, '; Path=/'],
  ['url_password', 'connecting to postgres://app:', 'hunter2', '@db.internal:5432/app'],
  ['url_password', 'redis://:', 'p%40ss', '@10.0.0.1:6379'],
  ['authorization', 'Authorization: Basic ', 'dXNlcjpwYXNz', ''],
  ['authorization', '> authorization: Bearer ', 'abc.def-ghi', '\r'],
  ['authorization', '{"headers":{"Authorization":"Bearer ', 'abcdef', '","Accept":"*/*"}}'],
  ['authorization', 'curl -H "X-Api-Key: ', drawn(32), '" https://x'],
  ['authorization', 'sent Bearer ', drawn(30), ' to peer'],
  ['email', 'mail to ', 'mei.a3f+x@example.co.uk', '.'],
  ['email', '<', 'a@b.io', '> wrote'],
];

test('each kind of secret is hidden, exactly, with its length, and counted', () => {
  for (const [kind, before, secret, behind] of secrets) {
    const redactor = new Redactor([kind], []);
    const text = `2026-06-01T15:30:18Z [app] ${before}${secret}${behind}\n`;
    const shown = hidden(text, redactor);
    const stars = '*'.repeat(secret.length);
    if (kind === 'github' || kind === 'slack') assert.ok(!shown.includes(secret.slice(-8)), shown);
    else assert.equal(shown, `2026-06-01T15:30:18Z [app] ${before}${stars}${behind}\n`, kind);
    assert.equal(shown.length, text.length);
    redactor.took(text.length);
    assert.equal(redactor.counts[kind], 1, text);
    // The other kinds together find no less.
    assert.ok(!hidden(text).includes(secret), text);
  }
});

test('what is no secret stays as it is', () => {
  const harmless = [
    '[    0.123456] EXT4-fs (vda): mounted filesystem with ordered data mode',
    'GET /api/v1/orders?page=3 200 12ms at 12:04:31 user@ host, a @ b, @scope/package@1.2.3',
    'task-scheduler risk-assessment disk-full desk-0123456789012345678901234567890',
    'AKIA is a prefix, AKIAIOSFODNN7 is too short, XAKIAIOSFODNN7EXAMPLE1 in a word',
    'sk_live_short ghp_short xoxb- eyJ.eyJ. eyJhbGciOi no dots',
    'http://host:8080/path@2x.png https://example.com/@user',
    'authorization failed; Authorization required: no; the bearer of bad news went away',
    'retry in 5 s ~~~ Q~ 7Q~ x=y sig=abc &sig=short',
    '-----BEGIN CERTIFICATE-----',
    'MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA',
    '-----END CERTIFICATE-----',
    'ü ö \u0000 \u001b[31mred\u001b[0m \ufffd',
  ];
  for (const text of harmless) assert.equal(hidden(text), text);
});

const key = (label: string): { lines: string[]; secret: string[] } => {
  const secret = [...Array.from({ length: 24 }, (_, n) => drawn(64 - (n % 2))), 'kQ=='];
  return { lines: [`-----BEGIN ${label}-----`, ...secret, `-----END ${label}-----`], secret };
};

test('private keys are hidden over lines, stamps and other programs’ lines between them stay', () => {
  for (const label of ['PRIVATE KEY', 'RSA PRIVATE KEY', 'OPENSSH PRIVATE KEY', 'PGP PRIVATE KEY BLOCK']) {
    const { lines, secret } = key(label);
    const stamped = lines.map((line) => `2026-06-01T15:30:18Z [app] ${line}\r\n`);
    stamped.splice(5, 0, '[   12.345678] EXT4-fs (vda): re-mounted\r\n');
    const text = `before\r\n${stamped.join('')}after 0123456789012345678901234567890\r\n`;
    const redactor = new Redactor(['private_key'], []);
    const shown = hidden(text, redactor);
    assert.equal(shown.length, text.length);
    for (const line of secret) assert.ok(!shown.includes(line), line);
    assert.ok(
      shown.includes('re-mounted\r\n') && shown.endsWith('after 0123456789012345678901234567890\r\n'),
    );
    assert.equal(shown.match(/2026-06-01T15:30:18Z \[app\] /g)!.length, lines.length);
    redactor.took(text.length);
    assert.equal(redactor.counts.private_key, 1);
  }
  const { lines, secret } = key('PRIVATE KEY');
  const json = hidden(`{"private_key": "${lines.join('\\n')}\\n", "client_id": "1234567890123456789012345"}`);
  for (const line of secret) assert.ok(!json.includes(line));
  assert.ok(json.endsWith('"client_id": "1234567890123456789012345"}'));
});

test('a block that never ends is over after a while', () => {
  const text = `-----BEGIN PRIVATE KEY-----\n${`${drawn(64)}\n`.repeat(1_000)}`;
  const shown = hidden(text);
  assert.ok(shown.endsWith(`${drawn(64)}\n`));
  assert.ok(!shown.slice(0, 16_000).includes(drawn(64)));
  // At the same place where its rows were taken in two parts.
  const bytes = Buffer.from(text.replaceAll('\n', ''));
  const whole = Buffer.from(new Redactor(['private_key'], []).hide(bytes, 0, null));
  for (const cut of [27, 28, 9_000]) {
    const redactor = new Redactor(['private_key'], []);
    redactor.hide(bytes, 0, null);
    const rest = redactor.hide(bytes, cut, redactor.took(cut)).subarray(cut);
    assert.ok(rest.equals(whole.subarray(cut)), `cut at ${cut}`);
  }
});

test('the user’s patterns are hidden within lines, characters of several bytes whole', () => {
  const redactor = new Redactor([], ['acct_\\d{4,}', 'name=[^;]+;', 'x\\s+y']);
  assert.equal(
    hidden('pay acct_12345 now acct_1\nname=Jürgen;x\n y', redactor),
    'pay ********** now acct_1\n*************x\n y',
  );
  redactor.took(100);
  assert.equal(redactor.counts.pattern, 2);
  assert.equal(hidden('a ü b', new Redactor([], ['a .'])), '**** b');
  const far = `${'z'.repeat(4_090)}acct_123456789${'z'.repeat(9_000)}acct_987654321`;
  assert.doesNotMatch(hidden(far, redactor), /acct/);
  // However long a match is.
  const long = `key: ${'v'.repeat(20_000)} w\nkept`;
  const all = new Redactor([], ['key: .*']);
  assert.equal(hidden(long, all), `${'*'.repeat(20_007)}\nkept`);
  all.took(long.length);
  assert.equal(all.counts.pattern, 1);
});

/** As the pipeline reads a file that grows: pieces, whole lines of it, and what a state keeps in between. */
function inPieces(redactor: Redactor, bytes: Buffer, sizes: () => number): Buffer {
  const shown: Buffer[] = [];
  let position = 0;
  let state = null;
  for (let available = 0; position < bytes.length; ) {
    available = Math.min(bytes.length, available + sizes());
    const final = available === bytes.length;
    const chunk = bytes.subarray(position, available);
    const redacted: Buffer = redactor.hide(chunk, 0, state);
    let at = 0;
    for (;;) {
      const end = lineEnd(chunk, at, final);
      if (end < 0 || redactor.mustWait(chunk, end, final)) break;
      at = end;
    }
    state = JSON.parse(JSON.stringify(redactor.took(at)));
    shown.push(Buffer.from(redacted.subarray(0, at)));
    position += at;
  }
  return Buffer.concat(shown);
}

test('secrets are found over the end of a read, and over that of a piece of a long line', () => {
  const random = randomOf(11);
  const parts: string[] = [];
  for (let n = 0; n < 300; n++) {
    const [, before, secret, behind] = secrets[Math.floor(random() * secrets.length)]!;
    parts.push(`${before}${secret}${behind} ${'.'.repeat(random() * 700)}`);
    if (random() < 0.3) parts.push(`\n${key('PRIVATE KEY').lines.join('\n')}\n`);
    if (random() < 0.3) parts.push('\n');
  }
  // Lines over several pieces, with a secret at each of their ends.
  const piece = limits.parse.line_bytes_max;
  const wide = Buffer.alloc(piece * 4 + 10, '.');
  for (let n = 1; n <= 4; n++) {
    const secret = ` gh${'p_'}${drawn(36)} `;
    wide.write(secret, piece * n - 1 - 12 * n);
  }
  const bytes = Buffer.concat([Buffer.from(parts.join('')), Buffer.from('\n'), wide, Buffer.from('\nend\n')]);
  const once = new Redactor(builtInKinds, []);
  const whole = Buffer.from(once.hide(bytes, 0, null));
  once.took(bytes.length);
  assert.ok(!whole.toString().includes(drawn(36)));
  for (const most of [700, 5_000, 70_000, 300_000]) {
    const redactor = new Redactor(builtInKinds, []);
    const shown = inPieces(redactor, bytes, () => 1 + Math.floor(random() * most));
    assert.equal(Buffer.compare(shown, whole), 0, `reads of up to ${most}`);
    assert.deepEqual(redactor.counts, once.counts, `counts, reads of up to ${most}`);
  }
});

test('a cut within a line changes nothing: between a name and its value, in a word, in a second secret', () => {
  const line = [
    `DB_PASSWORD="two words" x`,
    `Cookie: a=${drawn(20)}; b=${drawn(20)}; c=d`,
    `curl -u app:${drawn(12)} https://app:p@ss/w@x.example.com/ user@x.example`,
    `disk-${drawn(40)} next_page_token=${drawn(20)} {"m":"{\\"apiKey\\": \\"${drawn(20)}\\"}"}`,
    `Authorization: Bearer ${drawn(30)} xghp_${drawn(36)} end`,
  ].join(' | ');
  const bytes = Buffer.from(line);
  const once = new Redactor(builtInKinds, []);
  const whole = Buffer.from(once.hide(bytes, 0, null));
  once.took(bytes.length);
  for (let cut = 1; cut < bytes.length; cut++) {
    const redactor = new Redactor(builtInKinds, []);
    const first = Buffer.from(redactor.hide(bytes, 0, null).subarray(0, cut));
    // Over a restart, and with other bytes of the read before it.
    const state = JSON.parse(JSON.stringify(redactor.took(cut)));
    const other = Buffer.concat([Buffer.from('x'.repeat(cut % 3)), bytes.subarray(cut)]);
    const rest = redactor.hide(other, cut % 3, state).subarray(cut % 3);
    assert.equal(Buffer.concat([first, rest]).toString(), whole.toString(), `cut at ${cut}`);
    redactor.took(other.length);
    assert.deepEqual(redactor.counts, once.counts, `counts, cut at ${cut}`);
  }
});

/** Signs, and what may stand around them. */
const parts = [
  ...[
    'password',
    'token',
    'api_key',
    'PASS',
    'Authorization',
    'cookie',
    'Bearer ',
    'curl ',
    'mysql -p',
    '-u ',
  ],
  ...[
    '=',
    ':',
    ': ',
    ' ',
    '"',
    '\\"',
    '\\\\\\"',
    "'",
    ',',
    ';',
    '{',
    '}',
    '[',
    ']',
    '(',
    ')',
    '<',
    '>',
    '|',
    '\\n',
    '--',
  ],
  ...['://', 'a:', '@', '/', '@tcp(', 'host.com', 'sid=', 'eyJ', '.', 'sk-', 'ghp_', '-us', 'é', '\u001b[0m'],
  ...['abc123DEF', '1234567890123456', drawn(40), `SK${'0123456789abcdef'.repeat(2)}`],
];

test('signs in any order are hidden and counted the same, however the line is cut', () => {
  const random = randomOf(5);
  for (let n = 0; n < 3_000; n++) {
    const made = Array.from({ length: 3 + random() * 40 }, () => parts[Math.floor(random() * parts.length)]!);
    const bytes = Buffer.from(made.join(''));
    const once = new Redactor(builtInKinds, []);
    const whole = once.hide(bytes, 0, null).toString();
    once.took(bytes.length);
    const cut = [0, Math.floor(random() * bytes.length), Math.floor(random() * bytes.length), bytes.length];
    cut.sort((a, b) => a - b);
    const redactor = new Redactor(builtInKinds, []);
    let state = null;
    let shown = '';
    for (let part = 1; part < cut.length; part++) {
      const [from, to] = [cut[part - 1]!, cut[part]!];
      shown += redactor.hide(bytes.subarray(from), 0, state).toString('latin1', 0, to - from);
      state = JSON.parse(JSON.stringify(redactor.took(to - from)));
    }
    assert.equal(Buffer.from(shown, 'latin1').toString(), whole, `${bytes} cut at ${cut}`);
    assert.deepEqual(redactor.counts, once.counts, `counts of ${bytes} cut at ${cut}`);
  }
});

test('a line is hidden the same alone, behind other bytes, and with other lines around it', () => {
  const random = randomOf(6);
  const marks = ['\n', '\n', '\n', '\r\n', '(', ')', '<', '/', '\\', ' ', '=', '"', 'password'];
  marks.push(
    '-----BEGIN ',
    'PRIVATE KEY',
    '-----',
    'Authorization: Digest a=',
    ', b=',
    'eyJ'.concat('h'.repeat(9), '.'),
  );
  const all = [...parts, ...marks, ...marks];
  const made = (most: number): string =>
    Array.from({ length: random() * most }, () => all[Math.floor(random() * all.length)]!).join('');
  const texts = ['foo(\npassword=abc)\n', '-----BEGIN PRIVATE KEY\n-----\nabcdefghijklmnopqrstuvwxyz0\n'];
  texts.push('Authorization: Digest a="abcd\n, b=xyz\n', 'passwd: abc1234\n', 'password>abc1234</password\n');
  for (let n = 0; n < 6_000; n++) {
    const text = n < 200 ? texts[n % texts.length]! : `${made(40)}\n`;
    const bytes = Buffer.from(text);
    const once = new Redactor(builtInKinds, []);
    const whole = once.hide(bytes, 0, null).toString();
    once.took(bytes.length);
    assert.equal(whole.split('\n').length, text.split('\n').length, `lines stay lines: ${text}`);
    const redactor = new Redactor(builtInKinds, []);
    let state: RedactionState | null = null;
    let shown = '';
    for (const line of text.split(/(?<=\n)/)) {
      const before = Buffer.from(made(3) + ['', '(', '/', '<', '\\'][n % 5]!);
      const read = Buffer.concat([before, Buffer.from(line)]);
      shown += redactor.hide(read, before.length, state).toString('utf8', before.length);
      state = JSON.parse(JSON.stringify(redactor.took(read.length)));
    }
    assert.equal(shown, whole, `lines of ${JSON.stringify(text)}`);
    assert.deepEqual(redactor.counts, once.counts, `counts of ${JSON.stringify(text)}`);
  }
});

test('nothing in the bytes makes it throw, or change what it was given', () => {
  const random = randomOf(3);
  const redactor = new Redactor(builtInKinds, ['[a-f]{3,}x']);
  const signs = '@@@:://=~JNzZBb_-. \n\\"eyJAKIAsk-';
  for (let n = 0; n < 300; n++) {
    const bytes = Buffer.from(
      Array.from({ length: random() * 3_000 }, () =>
        random() < 0.5 ? signs.charCodeAt(random() * signs.length) : random() * 256,
      ),
    );
    const before = Buffer.from(bytes);
    const start = Math.floor(random() * 10);
    const shown = redactor.hide(bytes, start, {
      rest: Math.floor(random() * 20),
      key: random() < 0.2 ? 0 : -1,
    });
    assert.equal(Buffer.compare(bytes, before), 0);
    assert.equal(shown.length, bytes.length);
    redactor.took(Math.floor(start + random() * Math.max(0, bytes.length - start)));
    for (let at = 0; at < bytes.length; at++) {
      if (bytes[at] === 10 && at >= start + 20) assert.equal(shown[at], 10, 'lines stay lines');
    }
  }
});
