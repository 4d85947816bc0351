import type { Command } from 'commander';
import { command, jsonOption, settingsOf } from './command.ts';

/** What looks after an installation. */
export function addCare(program: Command): void {
  command(program, 'migrate', 'Bring the database to this version’s schema', 'afterlog migrate').action(
    async (_options, self) => {
      const { migrate } = await import('./commands/migrate.ts');
      await migrate(settingsOf(self));
    },
  );
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
