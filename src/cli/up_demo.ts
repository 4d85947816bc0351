import type { ClickHouseClient } from '@clickhouse/client';
import { settingsSchema } from '../config/settings.ts';
import type { ConsumerStatus } from '../consume/consumer.ts';
import { startFleet } from '../demo/fleet.ts';
import { createHappenings } from '../demo/happenings.ts';
import { startShow } from '../demo/show.ts';
import type { Ends, Up } from './up_roles.ts';

/** Whether the demo may choose another port for the HTTP API: only if the address is the default. */
export const takesAnyPort = ({ settings }: Up): boolean =>
  settings.listen === settingsSchema.parse({}).listen;

/** Starts the fleet and its screen. `ending.summary` prints the results after the agent has stopped. */
export async function startDemo(
  { settings, parts, terminal }: Up,
  { address, agent }: Ends,
  consumer: { status(): ConsumerStatus } | null,
  client: ClickHouseClient,
  ending: { summary: () => unknown },
): Promise<void> {
  const happenings = createHappenings();
  const fleet = await startFleet({ data_dir: settings.data_dir, ledger: true, told: happenings.add });
  const { database } = settings.clickhouse;
  const show = startShow({ terminal, client, database, fleet, happenings, agent, consumer, address });
  // They run in reverse: the screen stops, the fleet stops, the last sandboxes are compared, then the agent
  // stops.
  parts.atEnd('Last sandboxes', () => show.settle(), 'comparing');
  parts.atEnd('Fleet', () => fleet.stop());
  parts.atEnd('', () => show.stop());
  ending.summary = async () => terminal.print(await show.summary());
}
