import { type Command, InvalidArgumentError, Option } from 'commander';
import { log } from '../base/log.ts';
import { allSettings, loadSettings, type Settings } from '../config/settings.ts';

/** Adds a command. @param examples complete command lines of at most 78 characters, for the help */
export function command(parent: Command, name: string, description: string, ...examples: string[]): Command {
  const made = parent.command(name).description(description);
  made.showHelpAfterError(`(See ${pathOf(made)} --help.)`);
  made.addHelpText('after', () => {
    const shown = examples.map((example) => `  ${example}\n`).join('');
    return `\n${examples.length === 1 ? 'Example' : 'Examples'}:\n${shown}\nSettings: see afterlog --help.`;
  });
  addSettings(made);
  return made;
}

/** Every command accepts every setting, but only the help of the program lists them. */
export function addSettings(target: Command): void {
  for (const { flag, description, type } of allSettings) {
    const names = type === 'boolean' ? [flag, flag.replace('--', '--no-')] : [`${flag} <value>`];
    for (const name of names) {
      // Their own group: otherwise the visible options would follow the place of these in the help.
      target.addOption(new Option(name, description).helpGroup('Settings:').hideHelp());
    }
  }
}

/** `log to read: console, events, firecracker (default: console)` */
export function optionText({ description, argChoices, defaultValue }: Option): string {
  const choices = argChoices === undefined ? '' : `: ${argChoices.join(', ')}`;
  return `${description}${choices}${defaultValue === undefined ? '' : ` (default: ${defaultValue})`}`;
}

/** `afterlog dlq show` for the command `show`. */
function pathOf(made: Command): string {
  return made.parent === null ? made.name() : `${pathOf(made.parent)} ${made.name()}`;
}

/** The flags of a command and its parents; the command's own take precedence. */
export function flagsOf(self: Command): Record<string, unknown> {
  let flags: Record<string, unknown> = {};
  for (let at: Command | null = self; at !== null; at = at.parent) flags = { ...at.opts(), ...flags };
  return flags;
}

/** @throws AfterlogError SETTING_INVALID, SETTING_UNKNOWN */
export function settingsOf(self: Command): Settings {
  const settings = loadSettings(flagsOf(self));
  log.level = settings.log_level;
  return settings;
}

export const jsonOption = (): Option => new Option('--json', 'print one JSON object per line');

/** Parses an option's value. @throws InvalidArgumentError */
export function wholeNumber(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError('A whole number is required.');
  return Number(text);
}
