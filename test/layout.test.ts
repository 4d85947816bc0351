import assert from 'node:assert/strict';
import { globSync } from 'node:fs';
import { dirname } from 'node:path';
import { test } from 'node:test';
import { type Import, importsOf, root } from './support/imports.ts';

/**
 * The folders of src/, and the other folders that the files of each may import; `(types)`: by `import type` only.
 * A folder inside another one has a row for the imports inside that part, and the part's row for all others.
 * docs/architecture.md has the same table, with the purpose of each folder.
 */
const rows: Record<string, string> = {
  cli: 'cli/commands agent consume serve demo doctor dlq kafka store parse wire config base',
  'cli/commands': 'cli cli/completion',
  'cli/completion': '',
  serve: 'serve/http serve/routes serve/agents agent(types) store wire config base',
  'serve/routes': 'serve/http serve/agents',
  'serve/http': 'serve/agents(types)',
  'serve/agents': '',
  demo: 'agent(types) config base',
  agent: 'tail rows mend spool deliver labels redact parse wire kafka store config base',
  mend: 'tail rows spool wire parse redact base',
  doctor: 'kafka store spool tail wire config base',
  consume: 'kafka store wire config base',
  dlq: 'kafka store wire config base',
  deliver: 'kafka store spool wire config base',
  rows: 'parse redact wire base tail(types)',
  kafka: 'config base',
  store: 'wire config base',
  'store/land': 'store',
  'store/read': 'store',
  'store/care': 'store store/land',
  'store/embedded': '',
  wire: 'parse base',
  config: 'parse redact base',
  tail: 'base',
  labels: 'base',
  spool: 'base',
  parse: 'parse/line parse/time parse/level parse/kernel parse/trace parse/mark base',
  'parse/mark': 'parse/kernel parse/level parse/line',
  'parse/kernel': 'parse/level parse/line',
  'parse/level': 'parse/time parse/line',
  'parse/trace': 'parse/line',
  'parse/time': 'parse/line',
  'parse/line': '',
  redact: 'base',
  client: '',
  base: '',
};

const files = globSync('src/**/*.ts', { cwd: root }).sort();
const folderOf = (path: string): string => dirname(path).slice('src/'.length);
const partOf = (folder: string): string => folder.split('/')[0]!;

function mayImport(from: string, { path, isType }: Import): boolean {
  const to = path!.startsWith('src/') ? folderOf(path!) : null;
  if (to === null || to === from) return to !== null;
  const isInside = partOf(to) === partOf(from);
  const allowed = rows[isInside ? from : partOf(from)]!.split(' ');
  const name = isInside ? to : partOf(to);
  return allowed.includes(name) || (isType && allowed.includes(`${name}(types)`));
}

test('src/ has the folders of the table, and no file beside them', () => {
  assert.deepEqual([...new Set(files.map(folderOf))].sort(), Object.keys(rows).sort());
});

test('a file imports only what the table allows to its folder', () => {
  const wrong = files
    .filter((file) => rows[folderOf(file)] !== undefined)
    .flatMap((file) =>
      importsOf(file)
        .filter((one) => one.path !== null && !mayImport(folderOf(file), one))
        .map(({ path, line, isType }) => `${file}:${line} imports ${isType ? 'types of ' : ''}${path}`),
    );
  assert.deepEqual(wrong, []);
});
