import { type Command, InvalidArgumentError, Option } from 'commander';
import { AfterlogError } from '../base/errors.ts';
import { scopes } from '../config/scopes.ts';
import { command, flagsOf, jsonOption, settingsOf } from './command.ts';
import type { TokenOptions } from './commands/token.ts';
import { momentOf } from './moment.ts';

function workspace(text: string): string {
  if (/^[^:,\s]{1,200}$/.test(text)) return text;
  throw new InvalidArgumentError(
    'Allowed: a name of at most 200 characters without spaces, colons and commas.',
  );
}

function tokenName(text: string): string {
  if (/^[\w.@-]{1,64}$/.test(text)) return text;
  throw new InvalidArgumentError('Allowed: at most 64 letters, digits and the characters . @ _ -');
}

function scopeNames(text: string): string[] {
  const names = text.split(',').map((name) => name.trim());
  if (names.every((name) => (scopes as readonly string[]).includes(name))) return names;
  throw new InvalidArgumentError(`Allowed: ${scopes.join(', ')}, or several separated by commas.`);
}

/** Commands that operate an installation. */
export function addCare(program: Command): void {
  command(
    program,
    'config',
    'Show the settings and the source of each',
    'afterlog config',
    'afterlog config --schema > afterlog.schema.json    # for editors',
  )
    .addOption(jsonOption())
    .addOption(new Option('--schema', 'print the JSON Schema of afterlog.yaml').conflicts('json'))
    .action(async (options: { json?: boolean; schema?: boolean }, self) => {
      const { config } = await import('./commands/config.ts');
      await config(flagsOf(self), options);
    });
  addToken(program);
  command(
    program,
    'migrate',
    'Create or update tables; create topics if brokers are set',
    'afterlog migrate --plan',
    'afterlog migrate --kafka-brokers kafka:9092 --clickhouse-url http://db:8123',
  )
    .option('--plan', 'only print the planned changes')
    .option(
      '--replace-lost',
      'make a lost table again, empty; derived tables get their rows from console_logs',
    )
    .addOption(jsonOption())
    .action(async (options, self) => {
      const { migrate } = await import('./commands/migrate.ts');
      await migrate(settingsOf(self), options);
    });
  command(
    program,
    'doctor',
    'Check this machine, Kafka and ClickHouse; changes nothing',
    'sudo -u pandastack afterlog doctor    # as the agent’s user',
    'afterlog doctor --json | jq -r \'select(.level == "error").message\'',
  )
    .addOption(jsonOption())
    .action(async (options, self) => {
      const { doctor } = await import('./commands/doctor.ts');
      // A pending connection attempt must not delay the exit.
      process.exit(await doctor(settingsOf(self), options));
    });
  command(
    program,
    'flush',
    'Make a sandbox’s logs durable before you delete it',
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
    'Erase the stored logs of a sandbox permanently',
    'afterlog erase sb-1',
    'afterlog erase sb-1 --yes --json    # exit code 1 until ClickHouse is done',
  )
    .argument('<id>', 'sandbox id')
    .option('--yes', 'do not ask for confirmation')
    .addOption(jsonOption())
    .action(async (id, options, self) => {
      const { erase } = await import('./commands/erase.ts');
      process.exitCode = await erase(settingsOf(self), id, options);
    });
  command(
    program,
    'verify',
    'Recompute streams from their rows; report missing bytes',
    'afterlog verify sb-1',
    'afterlog verify --since 2h    # exit code 1 if anything is wrong',
  )
    .argument('[id]', 'sandbox id (default: all sandboxes)')
    .option('--since <time>', 'only streams with rows since: 2h (ago), 2026-11-23T20:00:00Z', momentOf)
    .addOption(jsonOption())
    .action(async (id, options, self) => {
      const { verify } = await import('./commands/verify.ts');
      process.exitCode = await verify(settingsOf(self), id, options);
    });
  command(
    program,
    'rebuild',
    'Repair derived tables from the rows; safe at any time',
    'afterlog rebuild --check    # exit code 1 if a rebuild is needed',
    'afterlog rebuild',
  )
    .option('--check', 'only report what is missing')
    .addOption(jsonOption())
    .action(async (options, self) => {
      const { rebuild } = await import('./commands/rebuild.ts');
      process.exitCode = await rebuild(settingsOf(self), options);
    });
}

function addToken(program: Command): void {
  const made = command(
    program,
    'token',
    'Create a token for the HTTP API, or a key that signs batches',
    'afterlog token > token.txt    # stderr shows its hash, for the server',
    'afterlog token --workspace team-a --scope read,erase --json',
    'afterlog token --batch-key > master.key          # for the consumers',
    'AFTERLOG_KAFKA_BATCH_KEY_FILE=master.key afterlog token --host vm-1',
  )
    .addOption(new Option('--workspace <name>', 'limit the token to a workspace').argParser(workspace))
    .addOption(
      new Option('--scope <names>', `rights, separated by commas: ${scopes.join(', ')}`).argParser(
        scopeNames,
      ),
    )
    .addOption(new Option('--name <name>', 'name of its owner, for the access log').argParser(tokenName))
    .addOption(
      new Option('--batch-key', 'instead, create a master key that signs batches').conflicts([
        'workspace',
        'scope',
        'name',
      ]),
    )
    .addOption(jsonOption())
    .action(async (options: TokenOptions & { batchKey?: boolean }, self) => {
      const host = self.optsWithGlobals().host as string | undefined;
      const isForHttp = [options.workspace, options.scope, options.name].some((given) => given !== undefined);
      if (host !== undefined && (options.batchKey || isForHttp)) {
        throw new AfterlogError('USAGE', 'A key of a host has no other options than --host and --json.');
      }
      const keys = () => import('./commands/batch_key.ts');
      if (options.batchKey) return (await keys()).masterKey(options);
      if (host !== undefined) return (await keys()).hostKey(settingsOf(self), options);
      const { token } = await import('./commands/token.ts');
      await token(options);
    });
  // --host is a setting, and so an option of every command; here it names the host of a key.
  const host = made.options.find(({ long }) => long === '--host')!;
  host.description = 'instead, print the key of this host, from the master key';
  host.hidden = false;
  host.helpGroup('Options:');
}
