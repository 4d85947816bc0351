import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { lineEnd } from '../../src/parse/line/split.ts';
import { Reader, type ReadRow } from '../support/parsed.ts';

const root = resolve(import.meta.dirname, '../..');
const consoles = globSync('fixtures/consoles/*.log', { cwd: root })
  .sort()
  .map((path) => linesOf(readFileSync(resolve(root, path))));

function linesOf(bytes: Buffer): Buffer[] {
  const lines: Buffer[] = [];
  for (let at = 0, end = lineEnd(bytes, 0, true); end >= 0; at = end, end = lineEnd(bytes, at, true)) {
    lines.push(bytes.subarray(at, end));
  }
  return lines;
}

/** The rows of each console, whose parsers take turns after every line. */
function readInTurns(all: Buffer[][]): ReadRow[][] {
  const readers = all.map(() => new Reader());
  const rows: ReadRow[][] = all.map(() => []);
  const longest = Math.max(...all.map((lines) => lines.length));
  for (let at = 0; at < longest; at++) {
    all.forEach((lines, index) => {
      if (at < lines.length) rows[index]!.push(...readers[index]!.read(lines[at]!));
    });
  }
  return rows;
}

const readAlone = (lines: Buffer[]): ReadRow[] => readInTurns([lines])[0]!;

test('parsers that take turns see nothing of each other’s lines', () => {
  assert.ok(consoles.length > 10);
  assert.deepEqual(readInTurns(consoles), consoles.map(readAlone));
});

test('no module of the parser changes what another one exports', async () => {
  const before = consoles.map(readAlone);
  for (const path of globSync('src/parse/**/*.ts', { cwd: root })) {
    const module = await import(pathToFileURL(resolve(root, path)).href);
    for (const exported of Object.values(module)) freeze(exported);
  }
  assert.deepEqual(consoles.map(readAlone), before);
});

/** Freezes plain objects and arrays, so that a write to them throws. */
function freeze(value: unknown): void {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return;
  if (!Array.isArray(value) && Object.getPrototypeOf(value) !== Object.prototype) return;
  Object.freeze(value);
  for (const part of Object.values(value)) freeze(part);
}
