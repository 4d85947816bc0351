import { Argument, Command } from 'commander';
import { exceptColors } from '../base/text.ts';
import { allSettings } from '../config/settings.ts';
import { addCare } from './care_commands.ts';
import { addSettings, command, optionText } from './command.ts';
import { addReading } from './reading_commands.ts';
import { addRoles } from './role_commands.ts';
import { addTopics } from './topic_commands.ts';

/**
 * The command line. Each action imports its modules when it runs, so that a role loads only its own modules,
 * and `--help` loads no client of a server.
 */
export function createProgram(version: string): Command {
  const program = new Command('afterlog')
    .description('Sandbox console logs that outlive the sandbox.')
    .usage('<command> [options]')
    .version(version, '-V, --version', 'show the version')
    .helpOption('-h, --help', 'show this help')
    .exitOverride()
    // It quotes arguments, which may come from a script.
    .configureOutput({ outputError: (text, write) => write(exceptColors(text)) })
    .showHelpAfterError('(See afterlog --help.)')
    .configureHelp({
      subcommandTerm: (one) => `${one.name()} ${one.usage().replace(/^\[options\] ?/, '')}`,
      optionDescription: optionText,
    });
  addSettings(program);
  program.addHelpText('after', settingsHelp(program));

  program.commandsGroup('Run:');
  addRoles(program);
  program.commandsGroup('Read logs:');
  addReading(program);
  program.commandsGroup('Operate:');
  addCare(program);
  addTopics(program);
  program.commandsGroup('Help:');
  addCompletion(program);
  program.helpCommand('help [command]', 'Show the help of a command');
  return program;
}

function addCompletion(program: Command): void {
  command(
    program,
    'completion',
    'Print a completion script for a shell',
    'source <(afterlog completion bash)    # in ~/.bashrc',
    'source <(afterlog completion zsh)     # in ~/.zshrc, after compinit',
    'afterlog completion fish > ~/.config/fish/completions/afterlog.fish',
  )
    .addArgument(new Argument('<shell>', 'name of the shell').choices(['bash', 'zsh', 'fish']))
    .action(async (shell) => {
      const { completion } = await import('./commands/completion.ts');
      await completion(program, shell);
    });
}

/** The settings are listed after the commands, because there are many. */
function settingsHelp(program: Command): string {
  const help = program.createHelp();
  const width = Math.max(...allSettings.map(({ flag }) => flag.length));
  const items = allSettings.map(({ flag, description }) => help.formatItem(flag, width, description, help));
  return `
Settings, as flags of any command, as variables (--kafka-brokers is
AFTERLOG_KAFKA_BROKERS), or in afterlog.yaml. Flags override variables, and
variables override the file:
${items.join('\n')}

Exit codes: 0 success, 1 failure, 2 wrong usage.`;
}
