import { type Command, InvalidArgumentError, Option } from 'commander';
import { scopes } from '../config/scopes.ts';
import { command, flagsOf, jsonOption, settingsOf } from './command.ts';
import { momentOf } from './moment.ts';

function workspace(text: string): string {
  if (/^[^:,\s]{1,200}$/.test(text)) return text;
  throw new InvalidArgumentError('A name without spaces, colons and commas is needed.');
}

function scopeNames(text: string): string[] {
  const names = text.split(',').map((name) => name.trim());
  if (names.every((name) => (scopes as readonly string[]).includes(name))) return names;
  throw new InvalidArgumentError(`Allowed are ${scopes.join(', ')}, several with commas.`);
}

/** What looks after an installation. */
export function addCare(program: Command): void {
  command(
    program,
    'config',
    'Show the settings, and where each comes from',
    'afterlog config',
    'afterlog config --schema > afterlog.schema.json    # for editors',
  )
    .addOption(jsonOption())
    .addOption(new Option('--schema', 'the JSON Schema of afterlog.yaml').conflicts('json'))
    .action(async (options: { json?: boolean; schema?: boolean }, self) => {
      const { config } = await import('./commands/config.ts');
      await config(flagsOf(self), options);
    });
  command(
    program,
    'token',
    'Make a token for the HTTP API',
    'afterlog token > token.txt    # its hash, for the server, goes to stderr',
    'afterlog token --workspace team-a --scope read,erase --json',
  )
    .addOption(new Option('--workspace <name>', 'for rows of this workspace only').argParser(workspace))
    .addOption(
      new Option('--scope <names>', 'what it may do: read, erase, admin; several with commas').argParser(
        scopeNames,
      ),
    )
    .addOption(jsonOption())
    .action(async (options) => {
      const { token } = await import('./commands/token.ts');
      await token(options);
    });
  command(
    program,
    'migrate',
    'Bring the database to this version’s schema; make the topics if brokers are set',
    'afterlog migrate --plan',
    'afterlog migrate --kafka-brokers broker:9092 --clickhouse-url http://clickhouse:8123',
  )
    .option('--plan', 'only say what would be done')
    .addOption(jsonOption())
    .action(async (options, self) => {
      const { migrate } = await import('./commands/migrate.ts');
      await migrate(settingsOf(self), options);
    });
  command(
    program,
    'doctor',
    'Check what this machine, Kafka and ClickHouse lack; changes nothing',
    'sudo -u pandastack afterlog doctor    # as the user of the agent',
    'afterlog doctor --json | jq -r \'select(.level == "error").message\'',
  )
    .addOption(jsonOption())
    .action(async (options, self) => {
      const { doctor } = await import('./commands/doctor.ts');
      // A connection that is still being tried must not keep it.
      process.exit(await doctor(settingsOf(self), options));
    });
  command(
    program,
    'flush',
    'Make all bytes of a sandbox safe now, before it is deleted',
    'afterlog flush sb-1 && rm -r /var/lib/pandastack/vms/sb-1    # on its host',
  )
    .argument('<id>', 'sandbox id')
    .addOption(jsonOption())
    .action(async (id, options, self) => {
      const { flush } = await import('./commands/flush.ts');
      await flush(settingsOf(self), id, options);
    });
  command(
    program,
    'erase',
    'Erase what is stored of a sandbox’s logs, for good',
    'afterlog erase sb-1',
    'afterlog erase sb-1 --yes --json    # exit code 1 while ClickHouse is still at it',
  )
    .argument('<id>', 'sandbox id')
    .option('--yes', 'do not ask')
    .addOption(jsonOption())
    .action(async (id, options, self) => {
      const { erase } = await import('./commands/erase.ts');
      process.exitCode = await erase(settingsOf(self), id, options);
    });
  command(
    program,
    'verify',
    'Recompute streams from their rows, and name what is missing',
    'afterlog verify sb-1',
    'afterlog verify --since 2h    # exit code 1 if anything is wrong',
  )
    .argument('[id]', 'sandbox id; without one, all sandboxes')
    .option('--since <time>', 'only streams with rows since then: 2h, 3d, 2026-11-23T20:00:00Z', momentOf)
    .addOption(jsonOption())
    .action(async (id, options, self) => {
      const { verify } = await import('./commands/verify.ts');
      process.exitCode = await verify(settingsOf(self), id, options);
    });
  command(
    program,
    'rebuild',
    'Make derived tables agree with the rows again; safe at any time',
    'afterlog rebuild --check    # exit code 1 if it is needed',
    'afterlog rebuild',
  )
    .option('--check', 'only say what is lacking')
    .addOption(jsonOption())
    .action(async (options, self) => {
      const { rebuild } = await import('./commands/rebuild.ts');
      process.exitCode = await rebuild(settingsOf(self), options);
    });
}
