import assert from 'node:assert/strict';
import { test } from 'node:test';
import { limits } from '../../src/base/limits.ts';
import { lineEnd } from '../../src/parse/line/split.ts';
import { type RedactionState, Redactor } from '../../src/redact/redactor.ts';
import { randomOf } from '../support/content.ts';
import { seed } from '../support/property.ts';

const PIECE = limits.parse.line_bytes_max;

const hidden = (patterns: string[], text: string): string =>
  new Redactor([], patterns).hide(Buffer.from(text), 0, null).toString();

/** As an agent reads a file that grows, and dies after each read. */
function overRestarts(patterns: string[], bytes: Buffer, size: () => number): [Buffer, Redactor['counts']] {
  const shown: Buffer[] = [];
  const counts: Record<string, number> = {};
  let position = 0;
  let state: RedactionState | null = null;
  for (let available = 0; position < bytes.length; ) {
    const redactor = new Redactor([], patterns);
    available = Math.min(bytes.length, available + size());
    const final = available === bytes.length;
    const chunk = Buffer.from(bytes.subarray(position, available));
    const redacted = redactor.hide(chunk, 0, state, final);
    let at = 0;
    for (;;) {
      const end = lineEnd(chunk, at, final);
      if (end < 0 || redactor.mustWait(chunk, end, final)) break;
      at = end;
    }
    state = JSON.parse(JSON.stringify(redactor.took(at)));
    for (const [kind, count] of Object.entries(redactor.counts)) counts[kind] = (counts[kind] ?? 0) + count;
    shown.push(Buffer.from(redacted.subarray(0, at)));
    position += at;
  }
  return [Buffer.concat(shown), counts];
}

test('a line is matched without its line end, and its start and end are those of the line', () => {
  assert.equal(
    hidden(['pin=\\d+$'], 'pin=123\r\npin=12 x\npin=1\r\r\npin=7'),
    '*******\r\npin=12 x\n*****\r\r\n*****',
  );
  assert.equal(hidden(['^key .*'], 'a key b\nkey c\r\nkey '), 'a key b\n*****\r\n****');
  assert.equal(hidden(['x\\s+y', 'a[^b]*b'], 'x\ny a\nb\na cb'), 'x\ny a\nb\n****');
  assert.equal(hidden(['\\bid\\b'], 'id ids id'), '** ids **');
});

test('of two ways to match, the one counts that a search by backtracking finds', () => {
  assert.equal(hidden(['a.*?b'], 'aXbXb aXb'), '***Xb ***');
  assert.equal(hidden(['ab|abcd'], 'abcd'), '**cd');
  assert.equal(hidden(['(?:ab|abcd)e?'], 'abcde'), '**cde');
});

test('what is hidden in long lines does not depend on how much is read at a time, or on restarts', () => {
  const random = randomOf(seed);
  const patterns = ['^start\\w*', 'acct_\\d+', 'key: .*', '<[^>]*>', 'end$', '\\bw\\d+w\\b'];
  const lines: string[] = [];
  for (let n = 0; n < 8; n++) {
    const filler = (): string => '. '.repeat(random() * (n % 3 === 0 ? 50_000 : 3_000));
    lines.push(`start${n} ${filler()}acct_1234${filler()}w1w<${filler()}>${filler()}start end`);
    if (n % 5 === 0) lines.push(`${filler()}key: ${filler()}${'v'.repeat(PIECE * 2)} acct_1 end\r`);
    // A match over the end of a piece, and one that a piece's end follows at once.
    lines.push(`${'.'.repeat(PIECE - 5)}acct_123456789 w`, `${'.'.repeat(PIECE - 9)}acct_1234`);
  }
  const bytes = Buffer.from(lines.join('\n'));
  const once = new Redactor([], patterns);
  const whole = Buffer.from(once.hide(bytes, 0, null));
  once.took(bytes.length);
  assert.doesNotMatch(whole.toString(), /acct_\d|vv|^start|end$/m);
  assert.ok(once.counts.pattern! > 40);
  for (const most of [30_000, 300_000]) {
    const [shown, counts] = overRestarts(patterns, bytes, () => 1 + Math.floor(random() * most));
    assert.equal(Buffer.compare(shown, whole), 0, `reads of up to ${most}`);
    assert.deepEqual(counts, once.counts, `counts, reads of up to ${most}`);
  }
});

test('a match that goes on behind what is looked at hides the rest of its line', () => {
  const long = `a key: ${'v'.repeat(PIECE * 5)} w\r\nkept acct_1\n`;
  const [shown, counts] = overRestarts(['key: .*', 'acct_1'], Buffer.from(long), () => PIECE * 1.2);
  assert.equal(shown.toString(), `a ${'*'.repeat(PIECE * 5 + 7)}\r\nkept ******\n`);
  assert.deepEqual(counts, { pattern: 2, whole_line: 0 });
});

/** Each byte of this text has other places than the one before, so that no table has them all. */
const costly = '.{1,60}[ab].{1,60}[bc].{1,60}[cd]!';
const any = randomOf(7);
const costlyText = Array.from({ length: 64_000 }, () => 'abc!'[Math.floor(any() * 4)]).join('');

test('a line that takes too many steps is hidden whole and counted, and no other line is', () => {
  const text = `before abc!\n${costlyText}abc!\r\nafter\n`;
  const plain = new Redactor([], [costly]);
  const shown = plain.hide(Buffer.from(text), 0, null).toString();
  plain.took(text.length);
  assert.equal(shown.slice(-64_007 - 5), `${'*'.repeat(64_004)}\r\nafter\n`);
  assert.equal(plain.counts.whole_line, 1);
  // The same line is hidden at any reading, and the pieces of a longer one too.
  const lines = Buffer.from(`${text}${costlyText}${costlyText}${costlyText}!\nlast\n${text}`);
  const once = new Redactor([], [costly, 'last']);
  const whole = Buffer.from(once.hide(lines, 0, null));
  once.took(lines.length);
  assert.equal(whole.toString('latin1').split('\n')[3], '*'.repeat(192_001));
  assert.equal(once.counts.whole_line, 3);
  for (const size of [60_000, 100_000]) {
    const [again, counts] = overRestarts([costly, 'last'], lines, () => size);
    assert.equal(Buffer.compare(again, whole), 0, `reads of ${size}`);
    assert.deepEqual(counts, once.counts);
  }
});

test('an unfinished line is matched once it is finished, not at each read', () => {
  const redactor = new Redactor([], ['acct_\\d+']);
  const bytes = Buffer.from('acct_1\nacct_2');
  assert.equal(redactor.hide(bytes, 0, null, false).toString(), '******\nacct_2');
  assert.equal(redactor.hide(bytes, 0, null, true).toString(), '******\n******');
});
