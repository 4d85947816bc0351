import assert from 'node:assert/strict';
import { test } from 'node:test';
import { stripVTControlCharacters } from 'node:util';
import { createLogText } from '../../src/cli/log_text.ts';
import type { ShownLine } from '../../src/store/read/whole_lines.ts';
import { logRow } from '../support/log_rows.ts';

const lineOf = (message: string, more: Partial<ShownLine> = {}): ShownLine => ({
  ...logRow(message),
  went_on: false,
  goes_on: false,
  ...more,
});

const plain = createLogText('never');
const colored = createLogText('always');
const start = '2026-11-23 20:28:51.123 app       ';
const messageOf = (message: string): string => plain(lineOf(message)).slice(`${start}      `.length);

test('a line is its time, source, severity and text', () => {
  assert.equal(plain(lineOf('hello')), `${start}      hello`);
  assert.equal(plain(lineOf('hello', { severity: 'WARN' })), `${start}WARN  hello`);
  assert.equal(
    plain(lineOf('x', { source: 'firecracker', severity: 'ERROR' })),
    '2026-11-23 20:28:51.123 firecracker ERROR x',
  );
});

test('colours say the severity and the source, and change nothing else', () => {
  const texts = ['TRACE', 'DEBUG', 'INFO', 'WARN', 'ERROR', 'FATAL', ''].map((severity) =>
    colored(lineOf('hello', { severity })),
  );
  for (const text of texts) assert.match(stripVTControlCharacters(text), /^2026.* app {7}.{5} hello$/);
  const styles = new Set(texts.map((text) => text.replace(/[A-Z]{4,5}/, '').replace(/ +/g, ' ')));
  assert.equal(styles.size, 5, 'TRACE is as DEBUG, INFO as what is unknown');
  const bySource = (source: string): string => colored(lineOf('x', { source })).split(source)[0]!;
  assert.equal(bySource('kernel'), bySource('kernel'));
  assert.notEqual(bySource('kernel'), bySource('app'));
  assert.ok(!plain(lineOf('hello', { severity: 'FATAL' })).includes('\x1b'));
});

test('nothing of a guest acts on the terminal, in its names either', () => {
  const evil = '\x1b[2J\x1b]0;title\x07\x9b1m\x1bPdcs\x1b\\\u202e';
  const shown = plain(lineOf(`a${evil}b`, { source: `app${evil}`, severity: evil }));
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what may not be there
  assert.doesNotMatch(shown, /[\x00-\x1f\x7f-\x9f\u202e]/);
});

test('a line that wrote over itself shows as it last looked, and how often it was another', () => {
  assert.equal(messageOf('10 %\r50 %\r100 %'), '100 % (rewritten 2×)');
  assert.equal(messageOf('10 %\x1b[1G\x1b[2K50 %'), '50 % (rewritten 1×)');
  assert.equal(messageOf('spin |\rspin /\r      \r'), 'spin / (rewritten 1×)');
  assert.equal(messageOf('only once\r'), 'only once');
  assert.equal(messageOf('\r\r\r'), '');
});

test('a line of 1 MiB of bare CRs takes no time', () => {
  const bar = Array.from({ length: 100_000 }, (_, at) => `\r${at} of 100000`).join('');
  assert.equal(messageOf(bar), '99999 of 100000 (rewritten 99999×)');
});

test('a part of a line says that there is more', () => {
  assert.equal(plain(lineOf('first', { goes_on: true })), `${start}      first …`);
  assert.equal(plain(lineOf('rest', { went_on: true })), `${start}      … rest`);
});

test('gaps and ends are no lines', () => {
  const gap = lineOf('{"bytes":null,"reason":"truncated \\u001b[2Jin place"}', { record: 'gap' });
  assert.equal(plain(gap), '── gap: unknown length: truncated in place ──');
  const seal = '{"bytes":7,"lines":1,"crc32":1,"gaps":0,"complete":true,"reason":"deleted"}';
  assert.equal(plain(lineOf(seal, { record: 'seal' })), '── end: deleted, complete: 7 bytes, 1 line ──');
});
