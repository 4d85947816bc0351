import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { bashScript } from '../../src/cli/completion/bash.ts';
import { fishScript } from '../../src/cli/completion/fish.ts';
import { allOf, wordsOf } from '../../src/cli/completion/words.ts';
import { zshScript } from '../../src/cli/completion/zsh.ts';
import { createProgram } from '../../src/cli/program.ts';
import { afterlog } from '../support/command.ts';
import { temporaryDir } from '../support/temporary.ts';

const words = wordsOf(createProgram('0.0.0'));
const commands = allOf(words.root);
const scripts = { bash: bashScript(words), zsh: zshScript(words), fish: fishScript(words) };

/** What a real bash offers for the last of the words. */
function offered(...typed: string[]): string[] {
  const line = typed.map((word) => `'${word}'`).join(' ');
  const script = `${scripts.bash}
    COMP_WORDS=(${line}); COMP_CWORD=${typed.length - 1}; _afterlog
    printf '%s\\n' "\${COMPREPLY[@]}"`;
  return execFileSync('bash', ['-uc', script], { encoding: 'utf8' }).split('\n').filter(Boolean);
}

test('the command prints each shell’s script, and refuses other shells', async () => {
  for (const [shell, script] of Object.entries(scripts)) {
    const { code, stdout } = await afterlog(['completion', shell]);
    assert.deepEqual([code, String(stdout)], [0, script]);
  }
  const other = await afterlog(['completion', 'powershell']);
  assert.equal(other.code, 2);
  assert.match(other.stderr, /bash, zsh, fish/);
});

test('bash offers commands, options, the values of options, and settings', () => {
  assert.deepEqual(offered('afterlog', 'lo'), ['logs']);
  assert.ok(offered('afterlog', '').length >= 10);
  assert.deepEqual(offered('afterlog', 'logs', '--fol'), ['--follow']);
  assert.deepEqual(offered('afterlog', 'logs', '--log', ''), ['console', 'events', 'firecracker']);
  assert.deepEqual(offered('afterlog', 'logs', 'sb-1', '--severity', 'E'), ['ERROR']);
  assert.deepEqual(offered('afterlog', 'logs', '--log', '=', 'fire'), ['firecracker']);
  assert.deepEqual(offered('afterlog', 'logs', '--log', '='), ['console', 'events', 'firecracker']);
  assert.deepEqual(offered('afterlog', 'completion', 'f'), ['fish']);
  assert.deepEqual(offered('afterlog', 'agent', '--kafka-br'), ['--kafka-brokers']);
  assert.deepEqual(offered('afterlog', '--kafka-topic', 'x', 'san'), ['sandboxes']);
});

test('bash offers nothing where it knows nothing, nor what belongs to another command', () => {
  assert.deepEqual(offered('afterlog', 'logs', ''), []);
  assert.deepEqual(offered('afterlog', 'logs', '--tail', ''), []);
  assert.deepEqual(offered('afterlog', 'sandboxes', '--fol'), []);
  assert.deepEqual(offered('afterlog', 'nonsense', '--fol'), []);
});

test('every script has every command, option and choice that there is', () => {
  assert.ok(commands.length > 10);
  const options = [...commands.flatMap(({ options }) => options), ...words.settings];
  for (const [shell, script] of Object.entries(scripts)) {
    for (const { name } of commands) assert.match(script, new RegExp(`\\b${name}\\b`), `${shell}: ${name}`);
    for (const { names, value } of options) {
      for (const name of names) {
        const dashes = name.startsWith('--') ? '-l ' : '-s ';
        const text = shell === 'fish' ? `${dashes}${name.replace(/^-+/, '')} ` : name;
        assert.ok(script.includes(text), `${shell}: ${text}`);
      }
      if (value?.kind === 'choice') assert.ok(script.includes(value.choices.join(' ')), `${shell}: ${names}`);
    }
  }
});

test('each shell that is installed here takes its script', async (t) => {
  const dir = await temporaryDir(t);
  const checks = { bash: ['-n'], zsh: ['-n'], fish: ['--no-execute'] };
  for (const [shell, args] of Object.entries(checks)) {
    const path = join(dir, shell);
    await writeFile(path, scripts[shell as keyof typeof scripts]);
    const { error, status, stderr } = spawnSync(shell, [...args, path], { encoding: 'utf8' });
    if (shell !== 'bash' && (error as NodeJS.ErrnoException | undefined)?.code === 'ENOENT') continue;
    assert.deepEqual([status, stderr], [0, ''], shell);
  }
});
