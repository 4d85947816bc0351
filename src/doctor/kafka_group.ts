import type { Settings } from '../config/settings.ts';
import { createKafka } from '../kafka/client.ts';
import { overtaken, type PartitionOffsets, partitionOffsets } from '../kafka/offsets.ts';
import { withAdmin } from '../kafka/topics.ts';
import { type Finding, many, reporter } from './finding.ts';

const say = reporter('group', ['consumer']);

/** Checks whether consumers run, and their lag. No findings if the topic does not exist. */
export async function groupFindings(settings: Settings): Promise<Finding[]> {
  const { group, topic } = settings.kafka;
  const kafka = createKafka(settings);
  const found = await withAdmin(kafka, async (admin) => {
    if (!(await admin.listTopics()).includes(topic)) return null;
    const { groups } = await admin.describeGroups([group]);
    return groups[0] ?? null;
  });
  if (found === null) return [];
  const offsets = await partitionOffsets(kafka, group, topic);
  return [stateFinding(group, found.state, found.members.length, offsets), ...lostFindings(topic, offsets)];
}

export function stateFinding(
  group: string,
  state: string,
  members: number,
  offsets: PartitionOffsets[],
): Finding {
  const lag = offsets.reduce(
    (sum, { committed, low, high }) => sum + high - Math.max(committed ?? 0, low),
    0,
  );
  const behind = `${many(lag, 'batch', 'batches')} behind`;
  if (state === 'Stable') {
    const idle = Math.max(0, members - offsets.length);
    const spare = idle > 0 ? ` ${idle} of them are idle: there are only ${offsets.length} partitions.` : '';
    return say.ok('state', `${many(members, 'consumer')} in the group ${group}, ${behind}.${spare}`);
  }
  if (members > 0) {
    const cure = 'This is normal for some seconds after a consumer starts or stops; check again later.';
    return say.note('state', `The group ${group} is rebalancing (${state}), ${behind}.`, { cure });
  }
  const never = offsets.every(({ committed }) => committed === null);
  const what = never
    ? `No consumer of the group ${group} has ever stored a batch`
    : `No consumer of the group ${group} runs`;
  const cure = 'Start a consumer; until then batches wait in the topic, at most for its retention time.';
  const level = lag > 0 ? 'warning' : 'note';
  return say[level]('state', `${what}; it is ${behind}.`, { cure, command: 'afterlog consumer' });
}

function lostFindings(topic: string, offsets: PartitionOffsets[]): Finding[] {
  return offsets.flatMap((one) => {
    const lost = overtaken(one);
    if (lost === null) return [];
    const message = `Messages ${lost.from} to ${lost.to} of ${topic}/${one.partition} expired before a consumer stored them; a gap row will replace them.`;
    const cure = 'Keep consumers running, or give the topic a longer retention.';
    return [say.error('overtaken', message, { cure })];
  });
}
