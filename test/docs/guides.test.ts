import assert from 'node:assert/strict';
import { globSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { test } from 'node:test';
import { allOf, type CommandWords, wordsOf } from '../../src/cli/completion/words.ts';
import { createProgram } from '../../src/cli/program.ts';
import { loadSettings } from '../../src/config/settings.ts';
import { temporaryDir } from '../support/temporary.ts';

const root = resolve(import.meta.dirname, '../..');
const pages = ['README.md', ...globSync('docs/guides/*.md', { cwd: root })].map((path) => ({
  path,
  text: readFileSync(join(root, path), 'utf8'),
}));

const { root: program, settings } = wordsOf(createProgram('0.0.0'));
const known = new Map(allOf(program).map((command) => [command.path, command]));

test('each command in the README and the guides exists, with its options', () => {
  let commands = 0;
  for (const { path, text } of pages) {
    for (const line of commandsIn(text)) {
      const { command, options } = parsed(line);
      const names = [...command.options, ...settings].flatMap(({ names }) => names);
      for (const option of options) assert.ok(names.includes(option), `${path}: ${line}: ${option}`);
      commands++;
    }
  }
  assert.ok(commands > 60, String(commands));
});

test('the README stays short, and no line of prose is long', () => {
  assert.ok(readFileSync(join(root, 'README.md')).length <= 10_000);
  for (const { path, text } of pages) {
    const prose = text.replaceAll(/^```.*?^```$/gms, '').split('\n');
    for (const line of prose) assert.ok(line.startsWith('|') || line.length <= 300, `${path}: ${line}`);
  }
});

test('the settings file in the guide of secrets is right', async (t) => {
  const { text } = pages.find(({ path }) => path.endsWith('secrets.md'))!;
  const [, block] = /^```yaml\n(.*?)^```$/ms.exec(text)!;
  const config = join(await temporaryDir(t), 'afterlog.yaml');
  writeFileSync(config, block!);
  const { redact, redact_patterns } = loadSettings({ config });
  assert.ok(redact.length > 1 && redact_patterns.length > 1);
});

/** Command lines of code blocks and code in prose, as `afterlog logs ID --tail 3`; not what a command prints. */
function commandsIn(text: string): string[] {
  const blocks = [...text.matchAll(/^```(sh|console)\n(.*?)^```$/gms)].flatMap(([, language, block]) =>
    block!.split('\n').filter((line) => language === 'sh' || line.startsWith('$ ')),
  );
  const prose = text.replaceAll(/^```.*?^```$/gms, '');
  const inline = [...prose.matchAll(/`([^`]+)`/g)].map(([, code]) => code!);
  return [...blocks, ...inline]
    .map((line) => line.replace(/\s#\s.*/, ''))
    .flatMap((line) => line.split(/ \| | && |<\(|\)/))
    .flatMap((part) => /(?:^|\s)(afterlog [a-z].*)$/.exec(part)?.[1] ?? []);
}

function parsed(line: string): { command: CommandWords; options: string[] } {
  let command = program;
  const words = line
    .replaceAll(/"[^"]*"|'[^']*'/g, 'TEXT')
    .split(/\s+/)
    .slice(1);
  for (const word of words) {
    const below = known.get(`${command.path} ${word}`);
    if (below === undefined) break;
    command = below;
  }
  assert.notEqual(command, program, `there is no such command: ${line}`);
  const options = words.filter((word) => /^--?[a-z]/.test(word)).map((word) => word.split('=')[0]!);
  return { command, options };
}
