import type { ClickHouseClient } from '@clickhouse/client';
import { settingsSchema } from '../config/settings.ts';
import type { ConsumerStatus } from '../consume/consumer.ts';
import { startFleet } from '../demo/fleet.ts';
import { createHappenings } from '../demo/happenings.ts';
import { startShow } from '../demo/show.ts';
import type { Ends, Up } from './up_roles.ts';

/** The demo runs wherever it can; an address that somebody has set is meant. */
export const takesAnyPort = ({ settings }: Up): boolean =>
  settings.listen === settingsSchema.parse({}).listen;

/** The fleet and its screen. `ending.summary` then says, when the agent has ended, what came of it. */
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
  // In reverse: the screen goes, the fleet ends, the last sandboxes are compared, then the agent ends.
  parts.atEnd('Last sandboxes', () => show.settle(), 'comparing');
  parts.atEnd('Fleet', () => fleet.stop());
  parts.atEnd('', () => show.stop());
  ending.summary = async () => terminal.print(await show.summary());
}
