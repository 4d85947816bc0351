import { Argument, Command } from 'commander';
import { allSettings } from '../config/settings.ts';
import { addCare } from './care_commands.ts';
import { addSettings, command, optionText } from './command.ts';
import { addReading } from './reading_commands.ts';
import { addRoles } from './role_commands.ts';
import { addTopics } from './topic_commands.ts';

/**
 * The command line. Each action imports what it needs when it runs, so that a role loads nothing it does not need
 * and `--help` loads no client of any server.
 */
export function createProgram(version: string): Command {
  const program = new Command('afterlog')
    .description('Sandbox console logs that outlive the sandbox.')
    .usage('<command> [options]')
    .version(version, '-V, --version', 'show the version')
    .helpOption('-h, --help', 'show this help')
    .exitOverride()
    .showHelpAfterError('(afterlog --help says more)')
    .configureHelp({
      subcommandTerm: (one) => `${one.name()} ${one.usage().replace(/^\[options\] ?/, '')}`,
      optionDescription: optionText,
    });
  addSettings(program);
  program.addHelpText('after', settingsHelp(program));

  program.commandsGroup('Run it:');
  addRoles(program);
  program.commandsGroup('Read logs:');
  addReading(program);
  program.commandsGroup('Look after it:');
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
    'Print a script that completes afterlog’s commands and options in a shell',
    'source <(afterlog completion bash)                       # in ~/.bashrc',
    'source <(afterlog completion zsh)                        # in ~/.zshrc, after compinit',
    'afterlog completion fish > ~/.config/fish/completions/afterlog.fish',
  )
    .addArgument(new Argument('<shell>', 'of which shell').choices(['bash', 'zsh', 'fish']))
    .action(async (shell) => {
      const { completion } = await import('./commands/completion.ts');
      await completion(program, shell);
    });
}

/** Behind the commands, because they are many. */
function settingsHelp(program: Command): string {
  const help = program.createHelp();
  const width = Math.max(...allSettings.map(({ flag }) => flag.length));
  const items = allSettings.map(({ flag, description }) => help.formatItem(flag, width, description, help));
  return `
Settings, in afterlog.yaml, as AFTERLOG_… (AFTERLOG_KAFKA_BROKERS is
--kafka-brokers), or as flags of any command; flags count first, the file last:
${items.join('\n')}

Exit codes: 0 done, 1 failed, 2 wrong usage.`;
}
