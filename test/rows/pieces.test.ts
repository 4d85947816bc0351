import assert from 'node:assert/strict';
import { test } from 'node:test';
import { crc32 } from 'node:zlib';
import { limits } from '../../src/base/limits.ts';
import { builtInKinds } from '../../src/redact/kinds.ts';
import { Redactor } from '../../src/redact/redactor.ts';
import { RowTarget } from '../../src/rows/row_target.ts';
import { type RowsState, StreamRows } from '../../src/rows/stream_rows.ts';
import { BatchBuilder } from '../../src/wire/batch_builder.ts';
import { decodeValue } from '../../src/wire/decode.ts';
import { fc, seed } from '../support/property.ts';
import { rowsOfBlock, type SpoolRow } from '../support/spool_rows.ts';

const STARTED = '1795465704913252313';
const READ_MS = 1_795_465_705_123;
const TOKEN = `gh${'p_'}a8Kd0Zq3XmP7cR2tYw9LbV5nH4sJ6gF1wxyz`;

/** A console as a tail reads it: bytes come, lines that end are taken, and what waits is offered as a piece. */
class Console {
  rows: StreamRows;
  readonly point = { position: 0, crc32: 0 };
  private readonly target: RowTarget;
  private readonly makeRedactor: () => Redactor | null;
  private waiting = Buffer.alloc(0);

  constructor(makeRedactor: () => Redactor | null = () => null) {
    this.makeRedactor = makeRedactor;
    this.target = new RowTarget(new BatchBuilder('host'), makeRedactor());
    this.rows = this.open(null);
  }

  private open(saved: RowsState | null): StreamRows {
    return new StreamRows(this.target, { sandbox: 'sb', log: 'console', started: STARTED }, saved);
  }

  /** Another agent goes on with what this one saved. */
  restart(): this {
    const saved = JSON.parse(JSON.stringify(this.rows.state())) as RowsState;
    this.target.redactWith(this.makeRedactor());
    this.rows = this.open(saved);
    return this;
  }

  private took(bytes: number, crc: number): void {
    this.waiting = this.waiting.subarray(bytes);
    this.point.position += bytes;
    this.point.crc32 = crc;
  }

  write(text: string, at_ms = READ_MS, final = false): this {
    this.waiting = Buffer.concat([this.waiting, Buffer.from(text)]);
    const taken = this.rows.lines(this.point, this.waiting, 0, final, at_ms);
    this.took(taken.bytes, taken.crc32);
    return this;
  }

  /** Time passes, and what waits is due. */
  wait(at_ms = READ_MS): this {
    const taken = this.rows.piece(this.point, this.waiting, 0, at_ms);
    this.took(taken.bytes, taken.crc32);
    return this;
  }

  /** What waits for its row. */
  get held(): string {
    return this.waiting.toString();
  }

  finish(): SpoolRow[] {
    if (this.target.builder.rows === 0) return [];
    return rowsOfBlock(decodeValue(this.target.builder.finish(1, 1, 1).value));
  }
}

const texts = (rows: SpoolRow[]): string[] => rows.map(({ bytes }) => bytes.toString());
const redactor =
  (...patterns: string[]) =>
  () =>
    new Redactor(builtInKinds, patterns);

test('a prompt is a row, and the rest of its line is another one of the same entry and time', () => {
  const one = new Console()
    .write('a line\nlogin: ')
    .wait()
    .restart()
    .write('root\nnext\n', READ_MS + 9_000);
  const rows = one.finish();
  assert.deepEqual(
    rows.map(({ position, entry, bytes }) => [position, entry, bytes.toString()]),
    [
      [0, 0, 'a line\n'],
      [7, 7, 'login: '],
      [14, 7, 'root\n'],
      [19, 19, 'next\n'],
    ],
  );
  assert.equal(rows[2]!.timestamp, rows[1]!.timestamp);
  assert.equal(rows[2]!.timestamp_kind, 'inherited');
  assert.equal(one.point.crc32, crc32('a line\nlogin: root\nnext\n'));
});

test('the row that completes a line has the severity and source of the whole line', () => {
  const rows = new Console().write('{"lev').wait().write('el":"error","msg":"lost"}\n').finish();
  assert.deepEqual(
    rows.map(({ severity }) => severity),
    ['', 'ERROR'],
  );
  const tagged = new Console().write('2026-06-01T15:30:18Z [age').wait().write('nt] up\n').finish();
  assert.deepEqual(
    tagged.map(({ source }) => source),
    ['app', 'agent'],
  );
});

test('a crash whose headline came in two halves is marked once, with its title', () => {
  const one = new Console().write('[    0.000000] Linux version 6.1.0\n[    9.100000] Kernel pan').wait();
  const rows = one.write('ic - not syncing: Attempted to kill init!\n[    9.200000] CPU: 0\n').finish();
  assert.deepEqual(
    rows.map(({ event }) => event),
    ['boot.start', '', 'kernel.panic', ''],
  );
  assert.equal(rows[3]!.entry, rows[1]!.position, 'the report is one entry');
});

test('what a piece marks already is not marked again, whatever follows', () => {
  const one = new Console().write('[    0.000000] Linux version 6.1.0\nsandbox login: ').wait();
  const rows = one.restart().write('root\nother login: \nReady on http\n').finish();
  assert.deepEqual(
    rows.map(({ event }) => event),
    ['boot.start', 'boot.ready', '', '', ''],
  );
});

test('lines behind one that came in pieces are what they would be behind a whole one', () => {
  const text =
    'Traceback (most recent call last):\n  File "a.py", line 1, in <module>\n    f()\nValueError: no\n2026-11-23T19:48:20Z done\n';
  const shown = ({ source, severity, event, title, entry }: SpoolRow) => ({
    ...{ source, severity, event, title, entry },
  });
  const whole = new Console().write(text).finish();
  for (let cut = 1; cut < text.length; cut++) {
    if (text[cut - 1] === '\n') continue;
    const rows = new Console().write(text.slice(0, cut)).wait().restart().write(text.slice(cut)).finish();
    const ends = rows.filter(({ bytes }) => bytes.at(-1) === 10);
    const at = text.slice(0, cut).split('\n').length - 1;
    for (const [n, row] of ends.entries())
      if (n > at) assert.deepEqual(shown(row), shown(whole[n]!), `${cut}, ${n}`);
  }
});

test('a line that is as long as a row may be: its pieces end where its rows would', () => {
  const most = limits.parse.line_bytes_max;
  const one = new Console()
    .write('x'.repeat(most - 10))
    .wait()
    .write('y'.repeat(30))
    .wait()
    .write('\n');
  assert.deepEqual(
    one.finish().map(({ bytes }) => bytes.length),
    [most - 10, 10, 20, 1],
  );
});

test('a file that ends within a line that came in pieces', () => {
  const one = new Console().write('login: ').wait().write('', READ_MS, true).restart();
  assert.deepEqual(texts(one.write('root\n').finish()), ['login: ', 'root\n']);
});

test('redaction: a token in two halves is hidden as a whole', () => {
  for (let cut = 1; cut < TOKEN.length; cut++) {
    const one = new Console(redactor()).write(`using ${TOKEN.slice(0, cut)}`).wait();
    one.restart().write(`${TOKEN.slice(cut)} now\n`);
    assert.equal(
      texts(one.finish()).join(''),
      `using ${'*'.repeat(TOKEN.length)} now\n`,
      `after ${cut} bytes`,
    );
  }
});

test('redaction: a prompt comes through, and the password behind it does not', () => {
  for (const prompt of [
    'login: ',
    'Password: ',
    'Enter passphrase for key: ',
    '/ # ',
    'root@sb:~# ',
    'login:',
  ]) {
    const one = new Console(redactor()).write(prompt).wait();
    assert.deepEqual([one.held, texts(one.finish())], ['', [prompt]]);
  }
  const one = new Console(redactor()).write('db password: ').wait().restart().write('hunter2\n');
  assert.deepEqual(texts(one.finish()), ['db password: ', '*******\n']);
});

test('redaction: what is held back comes with the end of its line', () => {
  const one = new Console(redactor()).write('downloading 42').wait();
  assert.deepEqual(one.held, '42');
  assert.deepEqual(texts(one.write('%\n').finish()), ['downloading ', '42%\n']);
});

test('redaction: a user’s pattern in two halves', () => {
  const one = new Console(redactor('acct_\\d+', 'begin .* end')).write('for acct_12').wait();
  assert.deepEqual(one.held, 'acct_12');
  assert.deepEqual(texts(one.write('34 begin the').finish()), ['for ']);
  one.wait();
  assert.deepEqual(one.held, 'begin the');
  assert.deepEqual(texts(one.restart().write(' end.\n').finish()), ['********* ', '*************.\n']);
});

/** Secrets of all kinds, and what stands around them. */
const secrets = [
  TOKEN,
  'password=hunter2',
  '"password": "two words"',
  "password='a b c'",
  'https://user:pa$s@host.example/x',
  'Authorization: Digest username="a", realm="b c"',
  'Authorization: Bearer abcdefghijklmnop1234',
  'Cookie: a=1; b=2',
  'someone@example.com',
  'curl -u user:p$ss http://x',
  'mysql -pse$cret',
  `123456789:AA${'b'.repeat(33)}`,
  'export DB_PASSWORD="$(x) y"',
  `-----BEGIN ${'PRIVATE'} KEY----- ${'MIIEvQIBADANBgkqhkiG9w0BAQEFAASC'.repeat(2)} -----END ${'PRIVATE'} KEY-----`,
  'acct_123',
  'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.abcdefghijklmnopqrstuvwx',
];
const words = ['is', ' ', ', ', '; ', '= ', '"', 'key ', 'x', '\\"', ': ', '12', '[', '}'];

test('redaction: however a line comes in pieces, no byte is shown that is hidden in the whole line', () => {
  const part = fc.oneof(
    { weight: 2, arbitrary: fc.constantFrom(...secrets) },
    { weight: 3, arbitrary: fc.constantFrom(...words) },
  );
  fc.assert(
    fc.property(
      fc.array(part, { minLength: 1, maxLength: 7 }),
      fc.array(fc.tuple(fc.nat(200), fc.boolean()), { minLength: 1, maxLength: 4 }),
      (parts, cuts) => {
        const text = `${parts.join('')}\n`;
        const whole = texts(new Console(redactor('acct_\\d+')).write(text).finish()).join('');
        const one = new Console(redactor('acct_\\d+'));
        let at = 0;
        for (const [cut, restarts] of cuts.sort(([a], [b]) => a - b)) {
          one.write(text.slice(at, cut)).wait();
          if (restarts) one.restart();
          at = Math.max(at, cut);
        }
        const shown = texts(one.write(text.slice(at)).finish()).join('');
        assert.equal(shown.length, whole.length);
        for (let index = 0; index < whole.length; index++) {
          if (whole[index] === '*')
            assert.equal(shown[index], '*', `${text} as ${shown} instead of ${whole}`);
        }
      },
    ),
    { numRuns: 3_000, seed },
  );
});
