import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, globSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { test } from 'node:test';
import { limits } from '../../src/base/limits.ts';
import { anchorsOf, codeIn, linesOf, linksIn } from '../support/markdown.ts';

const root = resolve(import.meta.dirname, '../..');
const LINE_CHARACTERS_MAX = 300;
const KIB = 1024;
const sizes_max: Record<string, number> = { 'README.md': 10 * KIB, 'docs/architecture.md': 15 * KIB };

const read = (path: string): string => readFileSync(join(root, path), 'utf8');

/** Every Markdown file of the repository, also one that is not committed yet. */
const pages = execFileSync(
  'git',
  ['ls-files', '-z', '--cached', '--others', '--exclude-standard', '--', '*.md'],
  { cwd: root, encoding: 'utf8' },
)
  .split('\0')
  .filter((path) => path !== '' && existsSync(join(root, path)));

/** @param fault says what is wrong with a line, once for each fault */
function faultsOf(fault: (page: string, line: ReturnType<typeof linesOf>[number]) => string[]): string[] {
  return pages.flatMap((page) =>
    linesOf(read(page)).flatMap((line) => fault(page, line).map((what) => `${page}:${line.number}: ${what}`)),
  );
}

test('every link from a page to a file or a heading of this repository finds it', () => {
  assert.ok(pages.includes('README.md'), pages.join());
  const anchors = new Map(pages.map((page) => [page, anchorsOf(read(page))]));
  const faults = faultsOf((page, { text, is }) => {
    if (is === 'code') return [];
    const own = linksIn(text).filter((link) => !/^(?:[a-z][a-z+.-]*:|\/\/)/i.test(link));
    return own.filter((link) => {
      const [path, anchor] = link.split('#') as [string, string?];
      const target = path === '' ? page : relative(root, resolve(root, dirname(page), decodeURI(path)));
      if (target.startsWith('..') || !existsSync(join(root, target))) return true;
      return anchor !== undefined && anchors.get(target)?.has(anchor) !== true;
    });
  });
  assert.deepEqual(faults, []);
});

test('every path of src/, test/, bench/ and docs/ that a page names is there', () => {
  const faults = faultsOf((_, { text, is }) => {
    if (is === 'code') return [];
    // Other code is text of a log, which may name files of a guest.
    const ours = codeIn(text).filter((code) => /^(?:(?:npx )?node |(?:src|test|bench|docs)\/)/.test(code));
    const words = ours.flatMap((code) => code.split(/[\s"'()=]+/));
    const paths = words.filter((word) => /^(?:src|test|bench|docs)\//.test(word) && !/[<…]/.test(word));
    return paths.filter((path) => globSync(path.replace(/[/.,:;]+$/, ''), { cwd: root }).length === 0);
  });
  assert.deepEqual(faults, []);
});

test('every limit that a page names is one', () => {
  const faults = faultsOf((_, { text, is }) => {
    if (is === 'code') return [];
    const names = codeIn(text).filter((code) => /^limits\.\w+\.\w+$/.test(code));
    return names.filter((name) => {
      let value: unknown = { limits };
      for (const key of name.split('.')) value = (value as Record<string, unknown> | undefined)?.[key];
      return value === undefined;
    });
  });
  assert.deepEqual(faults, []);
});

test(`no line but a table's or a code block's is longer than ${LINE_CHARACTERS_MAX} characters`, () => {
  const faults = faultsOf((_, { text, is }) =>
    is === 'prose' && [...text].length > LINE_CHARACTERS_MAX ? [`${[...text].length} characters`] : [],
  );
  assert.deepEqual(faults, []);
});

test('the pages that everybody reads first are short', () => {
  for (const [page, bytes_max] of Object.entries(sizes_max)) {
    const { size } = statSync(join(root, page));
    assert.ok(size <= bytes_max, `${page} has ${size} bytes, ${bytes_max} are allowed`);
  }
});

test('docs/crash-points.md has a row for each crash point of the source, with its file', () => {
  const points = globSync('src/**/*.ts', { cwd: root }).flatMap((path) =>
    [...read(path).matchAll(/\bcrashPoint\('([a-z_.]+)'\)/g)].map((match) => `${match[1]} ${path}`),
  );
  const rows = linesOf(read('docs/crash-points.md')).flatMap(({ text, is }) => {
    const [, point, path] = /^\| `([a-z_]+\.[a-z_]+)`, `(src\/[^`]+)` \|/.exec(text) ?? [];
    return is === 'table' && point !== undefined ? [`${point} ${path}`] : [];
  });
  const named = points.filter((point) => !point.startsWith('<'));
  assert.deepEqual(rows.toSorted(), [...new Set(named)].sort());
});
