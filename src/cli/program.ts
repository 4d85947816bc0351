import { Command, InvalidArgumentError, Option } from 'commander';
import { limits } from '../config/limits.ts';
import { loadSettings, requireBrokers, type Settings, settingPaths } from '../config/settings.ts';
import { requireLogLevel } from '../log.ts';
import { runRole, withStatus } from './role.ts';

/**
 * The command line. Each action imports what it needs when it runs, so that a role loads nothing it does not need
 * and `--help` loads no client of any server.
 */
export function createProgram(version: string): Command {
  const program = new Command('afterlog')
    .description('Sandbox console logs that outlive the sandbox.')
    .version(version)
    .exitOverride()
    .showHelpAfterError('(afterlog --help says more)')
    .configureHelp({ sortSubcommands: false });
  program.hook('preAction', requireLogLevel);
  addSettings(program, 'shown');
  program.addHelpText(
    'after',
    '\nSettings come from afterlog.yaml, AFTERLOG_* (AFTERLOG_KAFKA_BROKERS is --kafka-brokers), and flags of any' +
      ' command.\nExit codes: 0 done, 1 failed, 2 wrong usage.',
  );

  command(program, 'up', 'All roles on one machine, with a ClickHouse of its own', 'afterlog up --demo')
    .option('--demo', 'run a simulated fleet of sandboxes')
    .option('--local-kafka', 'start a real Kafka and go through it (needs Java and Maven)')
    .action(async (options: { demo?: boolean; localKafka?: boolean }, self) => {
      const { up } = await import('./commands/up.ts');
      process.exitCode = await up(settingsOf(self), options);
    });
  command(
    program,
    'agent',
    'Read this host’s sandboxes and send their lines',
    'afterlog agent --kafka-brokers broker:9092',
  ).action(async (_options, self) => {
    const settings = settingsOf(self);
    const { startAgent } = await import('../agent.ts');
    await runRole(
      'agent',
      () => withStatus('agent', settings.agent_listen, () => startAgent(settings)),
      `reads ${settings.data_dir}`,
    );
  });
  command(
    program,
    'consumer',
    'Bring batches from Kafka to ClickHouse',
    'afterlog consumer --kafka-brokers broker:9092 --clickhouse-url http://clickhouse:8123',
  ).action(async (_options, self) => {
    const settings = settingsOf(self);
    requireBrokers(settings);
    const { startConsumer } = await import('../consume/consumer.ts');
    await runRole(
      'consumer',
      () => withStatus('consumer', settings.consumer_listen, () => startConsumer(settings)),
      `consumes ${settings.kafka.topic}`,
    );
  });
  command(program, 'server', 'Serve the HTTP API', 'afterlog server --listen 0.0.0.0:8600').action(
    async (_options, self) => {
      const settings = settingsOf(self);
      const { startServer } = await import('../serve/server.ts');
      await runRole('server', () => startServer(settings), `serves ${settings.listen}`);
    },
  );
  command(
    program,
    'fleet',
    'Write a simulated fleet’s files, to try the other roles on',
    'afterlog fleet --data-dir /tmp/fleet',
  ).action(async (_options, self) => {
    const { fleet } = await import('./commands/fleet.ts');
    await fleet(settingsOf(self));
  });
  command(program, 'migrate', 'Bring the database to this version’s schema', 'afterlog migrate').action(
    async (_options, self) => {
      const { migrate } = await import('./commands/migrate.ts');
      await migrate(settingsOf(self));
    },
  );
  command(program, 'logs', 'Print a sandbox’s log, deleted or not', 'afterlog logs sbx-1 --tail 50')
    .argument('<id>', 'sandbox id')
    .option(
      '--tail <lines>',
      `only the last lines (default: ${limits.tail_lines_default}, --raw: all)`,
      count,
    )
    .option('--raw', 'exactly the file’s bytes')
    .addOption(
      new Option('--log <name>', 'which log')
        .choices(['console', 'events', 'firecracker'])
        .default('console'),
    )
    .addOption(jsonOption().conflicts('raw'))
    .action(async (id, options, self) => {
      const { logs } = await import('./commands/logs.ts');
      await logs(settingsOf(self), id, options);
    });
  command(program, 'sandboxes', 'List sandboxes, last seen first', 'afterlog sandboxes --limit 20')
    .option('--limit <count>', 'at most so many', count, limits.sandboxes_default)
    .addOption(jsonOption())
    .action(async (options, self) => {
      const { sandboxes } = await import('./commands/sandboxes.ts');
      await sandboxes(settingsOf(self), options);
    });
  command(
    program,
    'flush',
    'Make all bytes of a sandbox safe now, before it is deleted',
    'afterlog flush sbx-1',
  )
    .argument('<id>', 'sandbox id')
    .addOption(jsonOption())
    .action(async (id, options, self) => {
      const { flush } = await import('./commands/flush.ts');
      await flush(settingsOf(self), id, options);
    });
  command(
    program,
    'sql',
    'Run a query in the database',
    "afterlog sql 'SELECT source, count() FROM console_logs GROUP BY source'",
  )
    .argument('<query>', 'SQL; `-` reads it from stdin')
    .addOption(jsonOption())
    .action(async (query, options, self) => {
      const { sql } = await import('./commands/sql.ts');
      await sql(settingsOf(self), query, options);
    });
  command(
    program,
    'parse',
    'Show how a file’s lines are read, without a server',
    'afterlog parse console.log',
  )
    .argument('<file>', 'a console.log, events.jsonl or firecracker.log')
    .addOption(jsonOption())
    .action(async (file, options) => {
      const { parse } = await import('./commands/parse.ts');
      await parse(file, options);
    });
  return program;
}

function command(program: Command, name: string, description: string, example: string): Command {
  const made = program.command(name).description(description);
  made.addHelpText('after', `\nExample:\n  ${example}\n\nSettings: see afterlog --help.`);
  addSettings(made, 'hidden');
  return made;
}

/** Every command takes every setting; only the program's help lists them. */
function addSettings(target: Command, help: 'shown' | 'hidden'): void {
  for (const { flag, description } of settingPaths) {
    const option = new Option(`${flag} <value>`, description);
    target.addOption(help === 'shown' ? option.helpGroup('Settings:') : option.hideHelp());
  }
}

/** @throws AfterlogError SETTING_INVALID, SETTING_UNKNOWN */
const settingsOf = (self: Command): Settings => loadSettings({ ...self.parent?.opts(), ...self.opts() });

const jsonOption = (): Option => new Option('--json', 'one JSON object a line');

function count(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError('A whole number is needed.');
  return Number(text);
}
