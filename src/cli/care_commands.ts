import type { Command } from 'commander';
import { command, jsonOption, settingsOf } from './command.ts';

/** What looks after an installation. */
export function addCare(program: Command): void {
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
}
