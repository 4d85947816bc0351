import type { Admin } from 'kafkajs';
import { limits } from '../base/limits.ts';
import { type Finding, type Role, reporter } from './finding.ts';

const cure = 'Synchronize both clocks with NTP (chrony, systemd-timesyncd).';
const command = 'timedatectl';

/**
 * Compares a server's clock with this one.
 * @param theirs_ms the server's time, read between `asked_ms` and `answered_ms` of this clock; ms since 1970
 */
export function clockFinding(
  server: string,
  roles: Role[],
  { theirs_ms, asked_ms, answered_ms }: { theirs_ms: number; asked_ms: number; answered_ms: number },
): Finding {
  const say = reporter('clock', roles);
  // Ignores a difference that the duration of the request explains.
  const ahead_ms = theirs_ms > answered_ms ? theirs_ms - answered_ms : Math.min(0, theirs_ms - asked_ms);
  const apart_ms = Math.abs(ahead_ms);
  if (apart_ms <= limits.doctor.clock_skew_ms) {
    return say.ok('skew', `The clocks of this machine and of ${server} agree.`);
  }
  const message =
    `The clock of ${server} is ${duration(apart_ms)} ${ahead_ms > 0 ? 'ahead of' : 'behind'} this machine: times of ` +
    'lines without a timestamp, and the days that determine retention, are wrong by as much.';
  return say[apart_ms > limits.doctor.clock_skew_error_ms ? 'error' : 'warning']('skew', message, {
    cure,
    command,
  });
}

/**
 * Kafka has no request for its time, but a message that a broker stamped later than now shows a wrong clock.
 */
export async function kafkaClockFindings(
  admin: Admin,
  topic: string,
  ends: { partition: number; high: string }[],
  roles: Role[],
): Promise<Finding[]> {
  const say = reporter('clock', roles);
  const later = await admin.fetchTopicOffsetsByTimestamp(topic, Date.now() + limits.doctor.clock_skew_ms);
  // If no message is later, the answer is the end of the partition, which may have grown since `ends` was
  // read.
  const high = new Map(ends.map((end) => [end.partition, Number(end.high)]));
  const found = later.filter(({ partition, offset }) => Number(offset) < (high.get(partition) ?? 0));
  if (found.length === 0)
    return [say.ok('kafka', `No message of ${topic} has a timestamp after this machine’s clock.`)];
  const message =
    `Messages of ${topic} have timestamps more than ${limits.doctor.clock_skew_ms / 1000} s after this machine’s clock ` +
    `(partition ${found[0]!.partition}, from offset ${found[0]!.offset}).`;
  return [say.warning('kafka', message, { cure, command })];
}

function duration(ms: number): string {
  if (ms < 120_000) return `${(ms / 1000).toFixed(1)} s`;
  return ms < 7_200_000 ? `${Math.round(ms / 60_000)} min` : `${(ms / 3_600_000).toFixed(1)} h`;
}
