import type { ClickHouseClient } from '@clickhouse/client';
import { limits } from '../base/limits.ts';
import { createLander, type Refused } from '../store/land/land.ts';
import type { Batch } from '../wire/header.ts';
import type { Destination } from './sender.ts';

/**
 * Direct mode, for one machine without Kafka: the spool's batches land in ClickHouse by the same fence, look
 * and continue as the consumer's.
 */
export function directDestination(
  client: ClickHouseClient,
  database: string,
  host: string,
  setAside: (refused: Refused) => Promise<void>,
): Destination {
  const lander = createLander(client, database, `direct/${host}`, { setAside });
  return {
    send_bytes_max: limits.consume.fetch_partition_bytes,
    async deliver(batches: Batch[]): Promise<void> {
      await lander.land(batches);
    },
    waiting: () => lander.status().paused,
    async close(): Promise<void> {
      lander.stop();
      await client.close();
    },
  };
}
