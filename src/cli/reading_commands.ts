import { type Command, Option } from 'commander';
import { limits } from '../config/limits.ts';
import { command, count, jsonOption, settingsOf } from './command.ts';

/** What people read with. */
export function addReading(program: Command): void {
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
  command(
    program,
    'sandboxes',
    'List sandboxes, last seen first',
    'afterlog sandboxes --limit 20',
    'afterlog sandboxes --json | jq -r \'select(.state == "deleted") | .id\'',
  )
    .option('--limit <count>', 'at most so many', count, limits.sandboxes_default)
    .addOption(jsonOption())
    .action(async (options, self) => {
      const { sandboxes } = await import('./commands/sandboxes.ts');
      await sandboxes(settingsOf(self), options);
    });
  command(
    program,
    'sql',
    'Run a query in the database',
    "afterlog sql 'SELECT source, count() FROM console_logs GROUP BY source'",
    "afterlog sql --json 'SELECT * FROM gaps ORDER BY observed_at DESC LIMIT 20'",
    'afterlog sql - < query.sql',
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
    'afterlog parse console.log --json | jq -r .source | sort | uniq -c',
  )
    .argument('<file>', 'a console.log, events.jsonl or firecracker.log')
    .addOption(jsonOption())
    .action(async (file, options) => {
      const { parse } = await import('./commands/parse.ts');
      await parse(file, options);
    });
}
