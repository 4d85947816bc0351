import type { Command, Option } from 'commander';

/** The kind of an option's value or of an argument, as far as a shell can complete it. */
export type Value = { kind: 'choice'; choices: readonly string[] } | { kind: 'file' | 'folder' | 'other' };

export interface OptionWords {
  /** `-n`, `--tail` */
  names: string[];
  description: string;
  /** null for an option without a value. */
  value: Value | null;
}

export interface CommandWords {
  name: string;
  /** `afterlog dlq list` */
  path: string;
  description: string;
  options: OptionWords[];
  arguments: { name: string; value: Value }[];
  commands: CommandWords[];
}

/** All commands, options and arguments, read from the program itself. */
export interface Words {
  root: CommandWords;
  /** The settings, which are options of every command. */
  settings: OptionWords[];
}

export function wordsOf(program: Command): Words {
  return {
    root: commandWords(program, ''),
    settings: program.options.filter(({ hidden }) => hidden).map(optionWords),
  };
}

/** A command and all its subcommands. */
export const allOf = (command: CommandWords): CommandWords[] => [command, ...command.commands.flatMap(allOf)];

function commandWords(command: Command, above: string): CommandWords {
  const path = `${above} ${command.name()}`.trim();
  const help = command.createHelp();
  return {
    name: command.name(),
    path,
    description: command.description(),
    options: help.visibleOptions(command).map(optionWords),
    arguments: command.registeredArguments.map((argument) => ({
      name: argument.name(),
      value: valueWords(argument.name(), argument.argChoices),
    })),
    commands: help.visibleCommands(command).map((below) => commandWords(below, path)),
  };
}

function optionWords(option: Option): OptionWords {
  const names = [option.short, option.long].filter((name) => name !== undefined);
  const takesValue = option.required || option.optional;
  return {
    names,
    description: option.description,
    value: takesValue ? valueWords(option.name(), option.argChoices) : null,
  };
}

function valueWords(name: string, choices: readonly string[] | undefined): Value {
  if (choices !== undefined) return { kind: 'choice', choices };
  if (name.endsWith('dir')) return { kind: 'folder' };
  return { kind: ['file', 'path'].includes(name) ? 'file' : 'other' };
}
