import type { ClickHouseClient } from '@clickhouse/client';
import { limits } from '../../base/limits.ts';
import { log } from '../../base/log.ts';

/**
 * How many bytes the body of an INSERT may have, if a proxy before ClickHouse has a limit. Nobody names the
 * limit, so it is learned: half of what was refused, and after a while twice of what passed.
 */
export class BodyRoom {
  private bytes = Number.POSITIVE_INFINITY;
  /** The largest body that passed since a refusal. */
  private passed_bytes = 0;
  private refused_ms = 0;

  /** The largest body to send now. A single batch is sent whatever its size. */
  get bytes_max(): number {
    return this.bytes;
  }

  refused(bytes: number): void {
    if (this.bytes === Number.POSITIVE_INFINITY)
      log.info({ bytes }, 'A proxy before ClickHouse refuses large INSERTs (413); they are made smaller.');
    // A proxy whose limit was lowered refuses what it took before.
    if (this.passed_bytes >= bytes) this.passed_bytes = 0;
    this.bytes = Math.max(this.passed_bytes, Math.floor(bytes / 2));
    this.refused_ms = performance.now();
  }

  passed(bytes: number): void {
    if (this.bytes === Number.POSITIVE_INFINITY) return;
    this.passed_bytes = Math.max(this.passed_bytes, bytes);
    if (performance.now() - this.refused_ms < limits.insert.body_retry_ms) return;
    // Only a body that fills the room shows that there may be more of it.
    if (this.bytes < 2 * bytes) this.bytes *= 2;
    if (this.bytes >= limits.insert.bytes_max) {
      log.info('INSERTs of any size pass again.');
      this.bytes = Number.POSITIVE_INFINITY;
      this.passed_bytes = 0;
    }
  }
}

const rooms = new WeakMap<ClickHouseClient, BodyRoom>();

/** One for all that send over the same client: what one learns holds for the others. */
export function bodyRoomOf(client: ClickHouseClient): BodyRoom {
  const room = rooms.get(client) ?? new BodyRoom();
  rooms.set(client, room);
  return room;
}
