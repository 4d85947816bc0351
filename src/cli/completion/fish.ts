import type { CommandWords, OptionWords, Value, Words } from './words.ts';

/** A completion script for fish. */
export function fishScript({ root, settings }: Words): string {
  return `# Completion of afterlog in fish, printed by \`afterlog completion fish\`.
complete -c afterlog -f
${settings.map((option) => line('', optionOf(option))).join('\n')}
${linesOf(root, []).join('\n')}
`;
}

/** @param above names of the command's parents and of itself; empty for the root */
function linesOf(command: CommandWords, above: string[]): string[] {
  const below = command.commands.map(({ name }) => name);
  const here = above.map((name) => `__fish_seen_subcommand_from ${name}`);
  const condition = here.join('; and ');
  // True until a subcommand is typed.
  const first = [
    ...here,
    ...(below.length > 0 ? [`not __fish_seen_subcommand_from ${below.join(' ')}`] : []),
  ];
  return [
    ...command.options.map((option) =>
      line(above.length > 0 ? condition : first.join('; and '), optionOf(option)),
    ),
    ...command.arguments
      .map(({ value }) => valueText(value))
      .flatMap((text) => (text ? [line(condition, text)] : [])),
    ...command.commands.flatMap((one) => [
      line(first.join('; and '), `-a ${one.name} -d ${quote(one.description)}`),
      ...linesOf(one, [...above, one.name]),
    ]),
  ];
}

const line = (condition: string, rest: string): string =>
  `complete -c afterlog ${condition && `-n ${quote(condition)} `}${rest}`;

function optionOf({ names, description, value }: OptionWords): string {
  const flags = names.map((name) => (name.startsWith('--') ? `-l ${name.slice(2)}` : `-s ${name.slice(1)}`));
  return [
    ...flags,
    ...(value === null ? [] : [value.kind === 'file' ? '-r' : '-x', valueText(value)]),
    `-d ${quote(description)}`,
  ].join(' ');
}

function valueText(value: Value): string {
  if (value.kind === 'choice') return `-a ${quote(value.choices.join(' '))}`;
  if (value.kind === 'file') return '-F';
  return value.kind === 'folder' ? "-a '(__fish_complete_directories)'" : '';
}

const quote = (text: string): string => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
