import type { Settings } from '../config/settings.ts';
import { createKafka } from '../kafka/client.ts';
import { overtaken, type PartitionOffsets, partitionOffsets } from '../kafka/offsets.ts';
import { withAdmin } from '../kafka/topics.ts';
import { type Finding, many, reporter } from './finding.ts';

const say = reporter('group', ['consumer']);

/** Whether consumers run, and how far they are behind. Says nothing of a topic that is not there. */
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
    const spare =
      idle > 0 ? ` ${idle} of them have nothing to do: there are ${offsets.length} partitions.` : '';
    return say.ok('state', `${many(members, 'consumer')} in the group ${group}, ${behind}.${spare}`);
  }
  if (members > 0) {
    const cure = 'Normal for some seconds when a consumer comes or goes; look again if it lasts.';
    return say.note('state', `The group ${group} is dealing its partitions anew (${state}), ${behind}.`, {
      cure,
    });
  }
  const never = offsets.every(({ committed }) => committed === null);
  const what = never
    ? `No consumer has landed anything as ${group}`
    : `No consumer runs in the group ${group}`;
  const cure = 'Start one; until then batches wait in the topic for as long as its retention.';
  const level = lag > 0 ? 'warning' : 'note';
  return say[level]('state', `${what}; it is ${behind}.`, { cure, command: 'afterlog consumer' });
}

function lostFindings(topic: string, offsets: PartitionOffsets[]): Finding[] {
  return offsets.flatMap((one) => {
    const lost = overtaken(one);
    if (lost === null) return [];
    const message = `Messages ${lost.from} to ${lost.to} of ${topic}/${one.partition} passed the retention before they were landed; a gap row will say so.`;
    const cure = 'Keep consumers running, or give the topic a longer retention.';
    return [say.error('overtaken', message, { cure })];
  });
}
