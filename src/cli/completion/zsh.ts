import { allOf, type CommandWords, type OptionWords, type Value, type Words } from './words.ts';

/** A completion script for zsh, to be sourced or to be saved in a folder of $fpath as `_afterlog`. */
export function zshScript({ root, settings }: Words): string {
  return `#compdef afterlog
# Completion of afterlog in zsh, printed by \`afterlog completion zsh\`.
_afterlog_settings=(
${settings.map((option) => `  ${specOf(option)}`).join('\n')}
)
${allOf(root).map(commandFunction).join('\n')}
# In a folder of $fpath, this file is the body of the function.
if [[ $funcstack[1] == _afterlog ]]; then _afterlog "$@"; else compdef _afterlog afterlog; fi
`;
}

function commandFunction(command: CommandWords): string {
  const below = command.commands;
  const specs = [
    ...command.options.map(specOf),
    ...command.arguments.map(({ name, value }) => quote(`:${name}:${actionOf(value)}`)),
    ...(below.length > 0 ? ["'1: :->command'", "'*:: :->rest'"] : []),
  ];
  const call = `_arguments ${below.length > 0 ? '-C ' : ''}$_afterlog_settings \\
${specs.map((spec) => `    ${spec}`).join(' \\\n')}`;
  if (below.length === 0) return `${functionName(command)}() {\n  ${call}\n}`;
  return `${functionName(command)}() {
  local state line
  local -a commands=(
${below.map(({ name, description }) => `    ${quote(`${name}:${description.replaceAll(':', '\\:')}`)}`).join('\n')}
  )
  ${call}
  case $state in
    command) _describe command commands ;;
    rest)
      case $words[1] in
${below.map((one) => `        ${one.name}) ${functionName(one)} ;;`).join('\n')}
      esac ;;
  esac
}`;
}

const functionName = ({ path }: CommandWords): string => `_${path.replaceAll(' ', '_')}`;

/** `'(-n --tail)'{-n,--tail}'[the last lines]:value:'` */
function specOf({ names, description, value }: OptionWords): string {
  const text = description.replace(/[[\]\\:]/g, '\\$&');
  const what = quote(`[${text}]${value === null ? '' : `:value:${actionOf(value)}`}`);
  const which = names.length > 1 ? `{${names.join(',')}}` : names[0]!;
  return `${quote(`(${names.join(' ')})`)}${which}${what}`;
}

function actionOf(value: Value): string {
  if (value.kind === 'choice') return `(${value.choices.join(' ')})`;
  if (value.kind === 'file') return '_files';
  return value.kind === 'folder' ? '_files -/' : ' ';
}

const quote = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;
