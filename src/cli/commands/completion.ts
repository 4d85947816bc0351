import type { Command } from 'commander';
import { bashScript } from '../completion/bash.ts';
import { fishScript } from '../completion/fish.ts';
import { wordsOf } from '../completion/words.ts';
import { zshScript } from '../completion/zsh.ts';
import { print } from '../output.ts';

const scripts = { bash: bashScript, zsh: zshScript, fish: fishScript };

/** `afterlog completion SHELL`: a completion script, generated from the program's commands. */
export async function completion(program: Command, shell: keyof typeof scripts): Promise<void> {
  await print(scripts[shell](wordsOf(program)));
}
