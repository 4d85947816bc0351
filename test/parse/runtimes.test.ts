import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, type TestContext, test } from 'node:test';
import { parseFile } from '../../src/parse/file.ts';
import type { ParsedRow } from '../../src/parse/parsed_row.ts';
import { PATIENCE_MS } from '../support/patience.ts';

/** Crash.java, compiled for Java 8: a machine may have no compiler. It throws `RuntimeException("checkout failed", cause)`. */
const CRASH_CLASS = Buffer.from(
  'yv66vgAAADQAMgoAAgADBwAEDAAFAAYBABBqYXZhL2xhbmcvT2JqZWN0AQAGPGluaXQ+AQADKClWBwAIAQAfamF2YS9sYW5nL0ls' +
    'bGVnYWxTdGF0ZUV4Y2VwdGlvbgcACgEAF2phdmEvbGFuZy9TdHJpbmdCdWlsZGVyCgAJAAMIAA0BAAZvcmRlciAKAAkADwwAEAAR' +
    'AQAGYXBwZW5kAQAtKExqYXZhL2xhbmcvU3RyaW5nOylMamF2YS9sYW5nL1N0cmluZ0J1aWxkZXI7CgAJABMMABAAFAEAHChJKUxq' +
    'YXZhL2xhbmcvU3RyaW5nQnVpbGRlcjsIABYBAAogaXMgY2xvc2VkCgAJABgMABkAGgEACHRvU3RyaW5nAQAUKClMamF2YS9sYW5n' +
    'L1N0cmluZzsKAAcAHAwABQAdAQAVKExqYXZhL2xhbmcvU3RyaW5nOylWCgAfACAHACEMACIAIwEABUNyYXNoAQAEbG9hZAEABChJ' +
    'KVYHACUBABpqYXZhL2xhbmcvUnVudGltZUV4Y2VwdGlvbggAJwEAD2NoZWNrb3V0IGZhaWxlZAoAJAApDAAFACoBACooTGphdmEv' +
    'bGFuZy9TdHJpbmc7TGphdmEvbGFuZy9UaHJvd2FibGU7KVYBAARDb2RlAQAPTGluZU51bWJlclRhYmxlAQAEbWFpbgEAFihbTGph' +
    'dmEvbGFuZy9TdHJpbmc7KVYBAA1TdGFja01hcFRhYmxlAQAKU291cmNlRmlsZQEACkNyYXNoLmphdmEAIQAfAAIAAAAAAAMAAQAF' +
    'AAYAAQArAAAAHQABAAEAAAAFKrcAAbEAAAABACwAAAAGAAEAAAABAAgAIgAjAAEAKwAAADgABAABAAAAILsAB1m7AAlZtwALEgy2' +
    'AA4atgASEhW2AA62ABe3ABu/AAAAAQAsAAAABgABAAAAAgAJAC0ALgABACsAAABHAAQAAgAAABYRBBK4AB6nAA9MuwAkWRImK7cA' +
    'KL+xAAEAAAAGAAkABwACACwAAAAKAAIAAAAEABUABQAvAAAABwACSQcABwsAAQAwAAAAAgAx',
  'base64',
);

const has = (command: string, ...args: string[]): boolean =>
  spawnSync(command, args, { stdio: 'ignore', timeout: PATIENCE_MS }).status === 0;

/** What a machine that builds has; of others nobody knows in which version, or how long they take to compile. */
const USUAL = ['python3'];

/**
 * A machine has not every runtime; a skipped test would count as a failed one. `TEST_RUNTIMES=1 npm test -- runtimes` is
 * with all that are here.
 */
function testWith(
  [command, ...args]: [string, ...string[]],
  name: string,
  run: (t: TestContext) => void,
): void {
  if (!USUAL.includes(command) && process.env.TEST_RUNTIMES === undefined) return;
  if (has(command, ...args)) test(name, run);
}

/** What the commands write on a console of their own, between two lines of another program. */
function consoleOf(
  t: TestContext,
  files: Record<string, string | Buffer>,
  commands: string[][],
): ParsedRow[] {
  const dir = mkdtempSync(join(tmpdir(), 'afterlog-crash-'));
  t.after(() => rmSync(dir, { recursive: true }));
  for (const [name, content] of Object.entries(files)) writeFileSync(join(dir, name), content);
  const path = join(dir, 'console.log');
  writeFileSync(path, 'program begins\n');
  const out = openSync(path, 'a');
  for (const [command, ...args] of commands) {
    const { error } = spawnSync(command!, args, {
      cwd: dir,
      stdio: ['ignore', out, out],
      timeout: PATIENCE_MS,
      env: { ...process.env, NODE_OPTIONS: '', RUST_BACKTRACE: '0', LC_ALL: 'C' },
    });
    assert.equal(error, undefined, `${command} ran`);
  }
  closeSync(out);
  writeFileSync(path, 'program ends\n', { flag: 'a' });
  return [...parseFile(path, 'console')];
}

/** One crash with this event and title, and one entry that holds all between the two lines but empty ones at its edges. */
function assertCrash(rows: ParsedRow[], event: string, title: RegExp): void {
  const text = rows.map(({ message }) => message).join('\n');
  const marked = rows.filter((row) => row.event !== '');
  assert.deepEqual(
    marked.map((row) => row.event),
    [event],
    text,
  );
  const [row] = marked as [ParsedRow];
  const entry = rows.filter(({ entry_position }) => entry_position === row.entry_position);
  assert.match(entry.findLast((one) => one.title !== '')!.title, title, text);
  const between = rows.slice(1, -1);
  while (between[0]?.message === '') between.shift();
  while (between.at(-1)?.message === '') between.pop();
  for (const one of between) {
    assert.equal(
      one.entry_position,
      row.entry_position,
      `${one.message}\nis of the entry of\n${row.message}\nin\n${text}`,
    );
  }
  for (const one of [rows[0]!, rows.at(-1)!]) assert.notEqual(one.entry_position, row.entry_position, text);
}

test('Node.js: an error that nobody catches', (t) => {
  const source =
    "function load(id) {\n  throw new TypeError('order ' + id + ' is closed');\n}\nload(1042);\n";
  const rows = consoleOf(t, { 'a.cjs': source }, [[process.execPath, 'a.cjs']]);
  assertCrash(rows, 'app.exception', /^TypeError: order NUM is closed$/);
});

test('Node.js: a promise that is rejected, with a cause', (t) => {
  const source = "Promise.reject(new Error('checkout failed', { cause: new RangeError('port 70000') }));\n";
  const rows = consoleOf(t, { 'a.cjs': source }, [[process.execPath, 'a.cjs']]);
  assertCrash(rows, 'app.exception', /^Error: checkout failed$/);
});

test('Java: an exception with a cause', (t) => {
  const rows = consoleOf(t, { 'Crash.class': CRASH_CLASS }, [['java', '-cp', '.', 'Crash']]);
  assertCrash(rows, 'app.exception', /^java\.lang\.RuntimeException: checkout failed$/);
});

testWith(['python3', '--version'], 'Python: an exception from another one', (t) => {
  const source =
    "try:\n    {}['order 1042']\nexcept KeyError as e:\n    raise RuntimeError('checkout 1042 failed') from e\n";
  const rows = consoleOf(t, { 'a.py': source }, [['python3', 'a.py']]);
  assertCrash(rows, 'app.exception', /^RuntimeError: checkout NUM failed$/);
});

testWith(['python3', '--version'], 'Python: a thread that dies', (t) => {
  const source = 'import threading\nt = threading.Thread(target=lambda: 1 / 0)\nt.start()\nt.join()\n';
  const rows = consoleOf(t, { 'a.py': source }, [['python3', 'a.py']]);
  const marked = rows.filter((row) => row.event !== '');
  assert.deepEqual(
    marked.map(({ event, title }) => [event, title]),
    [['app.exception', 'ZeroDivisionError: division by zero']],
  );
});

testWith(['go', 'version'], 'Go: a panic', (t) => {
  const source =
    'package main\n\nfunc load(ids []int, at int) int { return ids[at] }\n\nfunc main() { load([]int{1, 2, 3}, 5) }\n';
  const rows = consoleOf(t, { 'a.go': source, 'go.mod': 'module a\n' }, [['go', 'run', 'a.go']]);
  assertCrash(rows, 'app.exception', /^panic: runtime error: index out of range \[NUM\] with length NUM$/);
});

testWith(['rustc', '--version'], 'Rust: a panic', (t) => {
  const source =
    'fn main() {\n    let ids: Vec<u8> = vec![1, 2, 3];\n    let at = std::env::args().count() + 4;\n    println!("{}", ids[at]);\n}\n';
  const rows = consoleOf(t, { 'a.rs': source }, [['rustc', 'a.rs'], ['./a']]);
  assertCrash(
    rows,
    'app.exception',
    /^panicked at a\.rs: index out of bounds: the len is NUM but the index is NUM$/,
  );
});

testWith(['ruby', '--version'], 'Ruby: an exception', (t) => {
  const rows = consoleOf(
    t,
    { 'a.rb': 'def load(id)\n  raise ArgumentError, "order #{id} is closed"\nend\nload(1042)\n' },
    [['ruby', 'a.rb']],
  );
  assertCrash(rows, 'app.exception', /^ArgumentError: order NUM is closed$/);
});

testWith(['php', '--version'], 'PHP: an exception', (t) => {
  const source =
    '<?php\nfunction load($id) { throw new RuntimeException("order $id is closed"); }\nload(1042);\n';
  const rows = consoleOf(t, { 'a.php': source }, [
    ['php', '-d', 'display_errors=1', '-d', 'log_errors=0', '-d', 'html_errors=0', 'a.php'],
  ]);
  assertCrash(rows, 'app.exception', /^RuntimeException: order NUM is closed$/);
});

testWith(['python3', '--version'], 'Python: the interpreter itself', (t) => {
  const source = 'import ctypes\nctypes.string_at(0)\n';
  const rows = consoleOf(t, { 'a.py': source }, [['python3', '-X', 'faulthandler', 'a.py']]);
  const marked = rows.filter((row) => row.event !== '');
  assert.deepEqual(
    marked.map(({ event, title }) => [event, title]),
    [['app.segfault', 'Fatal Python error: Segmentation fault']],
    JSON.stringify(rows.map(({ message }) => message)),
  );
});

test('a shell that tells of a segmentation fault', (t) => {
  const rows = consoleOf(t, {}, [['sh', '-c', "sh -c 'kill -SEGV $$'; true"]]);
  const marked = rows.filter((row) => row.event !== '');
  assert.deepEqual(
    marked.map(({ event, title }) => [event, title]),
    [['app.segfault', 'Segmentation fault']],
    JSON.stringify(rows.map(({ message }) => message)),
  );
});

const asan = mkdtempSync(join(tmpdir(), 'afterlog-asan-'));
after(() => rmSync(asan, { recursive: true }));
const source =
  '#include <stdlib.h>\nint main(int n, char **a) { char *p = malloc(8); free(p); return p[n]; }\n';
writeFileSync(join(asan, 'a.c'), source);
// A compiler may be there without the sanitizer's library.
testWith(
  ['gcc', '-fsanitize=address', '-g', join(asan, 'a.c'), '-o', join(asan, 'a')],
  'C: AddressSanitizer',
  (t) => {
    const rows = consoleOf(t, {}, [[join(asan, 'a')]]);
    assertCrash(rows, 'app.exception', /^AddressSanitizer: heap-use-after-free$/);
  },
);
