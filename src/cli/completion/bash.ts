import { allOf, type CommandWords, type OptionWords, type Value, type Words } from './words.ts';

/** A completion script for bash 3.2 and newer; it completes file names from bash 4 on. */
export function bashScript({ root, settings }: Words): string {
  const commands = allOf(root);
  const below = commands.slice(1).map(({ path }) => `'${path}'`);
  const values = [
    ...commands.flatMap(({ path, options }) => valueCases(`'${path}`, options)),
    ...valueCases("*'", settings),
  ];
  return `# Completion of afterlog in bash, printed by \`afterlog completion bash\`.
_afterlog() {
  local current=\${COMP_WORDS[COMP_CWORD]} before=\${COMP_WORDS[COMP_CWORD-1]} command=afterlog words='' word
  # Bash splits --log=console into three words.
  if [[ $current == = ]]; then current=''
  elif [[ $before == = ]]; then before=\${COMP_WORDS[COMP_CWORD-2]}
  fi
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "$command $word" in
      ${below.join(' | ')}) command="$command $word" ;;
    esac
  done
  COMPREPLY=()
  case "$command $before" in
${values.join('\n')}
  esac
  if [[ $current == -* ]]; then
    case $command in
${commands.map(({ path, options }) => `      '${path}') words='${flat(options)}' ;;`).join('\n')}
    esac
    words="$words ${flat(settings)}"
  else
    case $command in
${commands.flatMap(plainCase).join('\n')}
    esac
  fi
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -F _afterlog afterlog
`;
}

const flat = (options: OptionWords[]): string => options.flatMap(({ names }) => names).join(' ');

/** Cases for the value after an option; `start` is the command's pattern with its opening quote. */
function valueCases(start: string, options: OptionWords[]): string[] {
  return options.flatMap(({ names, value }) => {
    if (value === null) return [];
    const patterns = names.map((name) => `${start} ${name}'`).join(' | ');
    return value.kind === 'choice'
      ? [
          `    ${patterns})`,
          `      COMPREPLY=($(compgen -W '${value.choices.join(' ')}' -- "$current")); return ;;`,
        ]
      : [`    ${patterns}) ${filesOf(value)}return ;;`];
  });
}

/** Cases for a subcommand or an argument. */
function plainCase({ path, commands, arguments: all }: CommandWords): string[] {
  const names = commands.map(({ name }) => name);
  const choices = all.flatMap(({ value }) => (value.kind === 'choice' ? value.choices : []));
  const files = all.map(({ value }) => filesOf(value)).join('');
  const words = [...names, ...choices].join(' ');
  return files + words === '' ? [] : [`      '${path}') ${files}words='${words}' ;;`];
}

/** Bash completes file names itself, with the right quoting. */
function filesOf(value: Value): string {
  if (value.kind === 'file') return 'compopt -o default 2> /dev/null; ';
  return value.kind === 'folder' ? 'compopt -o dirnames 2> /dev/null; ' : '';
}
