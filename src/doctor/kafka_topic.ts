import type { Admin } from 'kafkajs';
import { AfterlogError, reasonOf } from '../base/errors.ts';
import type { Settings } from '../config/settings.ts';
import {
  alterCommand,
  createTopic,
  differences,
  type FoundTopic,
  findTopic,
  type WantedTopic,
  wantedTopics,
} from '../kafka/topics.ts';
import { kafkaClockFindings } from './clock.ts';
import { type Finding, many, type Reporter, type Role, reporter } from './finding.ts';

/** The topic of the batches and its dead letters: there, set as they must be, in full health, and empty. */
export async function topicFindings(settings: Settings, admin: Admin): Promise<Finding[]> {
  const { brokers, topic } = settings.kafka;
  const { batches, dead_letters } = wantedTopics(topic);
  const findings: Finding[] = [];
  const roles: Role[] = ['agent', 'consumer'];
  const found = await findTopic(admin, topic);
  const say = reporter('topic', roles);
  if (found === null) findings.push(await missing(say, admin, batches, 'the first agent makes it'));
  else {
    findings.push(...settingFindings(say, brokers, batches, found), ...healthFindings(say, found));
    findings.push(...replicaFindings(say, brokers, found, await brokerCount(admin)));
    const ends = await admin.fetchTopicOffsets(topic);
    findings.push(...(await kafkaClockFindings(admin, topic, ends, roles)));
  }
  return [...findings, ...(await deadLetterFindings(settings, admin, dead_letters))];
}

async function deadLetterFindings(
  { kafka }: Settings,
  admin: Admin,
  wanted: WantedTopic,
): Promise<Finding[]> {
  const say = reporter('topic', ['consumer']);
  const found = await findTopic(admin, wanted.topic);
  if (found === null)
    return [await missing(say, admin, wanted, 'the consumer makes it for the first dead letter')];
  const findings = [...settingFindings(say, kafka.brokers, wanted, found), ...healthFindings(say, found)];
  const ends = await admin.fetchTopicOffsets(wanted.topic);
  const letters = ends.reduce((sum, { low, high }) => sum + Number(high) - Number(low), 0);
  if (letters === 0) return [...findings, say.ok('dead_letters', `No dead letters in ${wanted.topic}.`)];
  const message = `${wanted.topic} holds ${many(letters, 'dead letter')}: batches that could not land; gap rows stand in their place.`;
  const cure = 'See why, mend it, and replay them.';
  return [...findings, say.warning('dead_letters', message, { cure, command: 'afterlog dlq' })];
}

/** Whether it could be made is asked, too. */
async function missing(
  say: Reporter,
  admin: Admin,
  wanted: WantedTopic,
  otherwise: string,
): Promise<Finding> {
  const absent = `There is no topic ${wanted.topic} yet, or this user may not see it`;
  try {
    await createTopic(admin, wanted, true);
    return say.note('missing', `${absent}; ${otherwise}.`, { command: 'afterlog migrate' });
  } catch (error) {
    const cure = error instanceof AfterlogError ? error.cure : 'See the brokers’ reason.';
    return say.error('missing', `${absent}, and it cannot be made: ${reasonOf(error)}`, { cure });
  }
}

function settingFindings(
  say: Reporter,
  brokers: string[],
  wanted: WantedTopic,
  found: FoundTopic,
): Finding[] {
  const { topic, partitions, settings } = found;
  const wrong = differences(wanted, settings);
  if (wrong === null) {
    const cure = `Give this user DescribeConfigs on ${topic}, or let someone who has it run doctor.`;
    return [say.note('settings', `The settings of ${topic} may not be read by this user.`, { cure })];
  }
  const findings = wrong.map((one) => {
    const message = `${topic} has ${one.name}=${one.found}: ${one.otherwise}.`;
    const mend = { cure: `Set it to ${one.value}.`, command: alterCommand(brokers, topic, [one]) };
    return say[one.loses ? 'error' : 'warning'](one.name, message, mend);
  });
  if (wrong.length === 0) {
    const shown = wanted.settings.map(({ name }) => `${name}=${settings!.get(name)}`).join(', ');
    findings.push(say.ok('settings', `${topic}, partitions: ${partitions.length}, ${shown}.`));
  }
  const bytes = settings!.get('retention.bytes') ?? '-1';
  if (bytes !== '-1') {
    const message = `${topic} has retention.bytes=${bytes}: a partition beyond it loses its oldest batches, however young.`;
    findings.push(say.note('retention.bytes', message));
  }
  return findings;
}

/** Partitions that take no batches now, or miss replicas. */
function healthFindings(say: Reporter, { topic, partitions, settings }: FoundTopic): Finding[] {
  const insync_min = Number(settings?.get('min.insync.replicas') ?? 1);
  const numbers = (some: FoundTopic['partitions']): string => some.map((one) => one.partitionId).join(', ');
  const refusing = partitions.filter(({ leader, isr }) => leader < 0 || isr.length < insync_min);
  const lagging = partitions.filter((one) => !refusing.includes(one) && one.isr.length < one.replicas.length);
  const findings: Finding[] = [];
  if (refusing.length > 0) {
    const message = `Partitions ${numbers(refusing)} of ${topic} take no batches: no leader, or fewer than ${insync_min} replicas in sync.`;
    findings.push(say.error('health', message, { cure: 'Bring the brokers of their replicas back.' }));
  }
  if (lagging.length > 0) {
    const message = `Partitions ${numbers(lagging)} of ${topic} have replicas that are not in sync.`;
    findings.push(say.warning('health', message, { cure: 'Bring the brokers of their replicas back.' }));
  }
  return findings;
}

const brokerCount = async (admin: Admin): Promise<number> => (await admin.describeCluster()).brokers.length;

/** What the loss of one broker's disk or power takes. */
function replicaFindings(say: Reporter, servers: string[], found: FoundTopic, brokers: number): Finding[] {
  const { topic, partitions, settings } = found;
  const replicas = Math.min(...partitions.map((one) => one.replicas.length));
  const insync_min = Number(settings?.get('min.insync.replicas') ?? 1);
  const shown = `${topic} has ${many(replicas, 'replica')} and min.insync.replicas=${insync_min}`;
  if (replicas >= 2 && insync_min >= 2) return [say.ok('replicas', `${shown}.`)];
  const message = `${shown}: the loss of one broker’s disk, or of its power, takes acknowledged batches.`;
  if (brokers < 3) {
    const cure =
      'For more than trying, use three brokers, a topic of three replicas, and min.insync.replicas=2.';
    return [say.note('replicas', message, { cure })];
  }
  if (replicas < 3) {
    const cure = 'Give it three replicas (kafka-reassign-partitions.sh), then min.insync.replicas=2.';
    return [say.warning('replicas', message, { cure })];
  }
  const command = alterCommand(servers, topic, [{ name: 'min.insync.replicas', value: '2' }]);
  return [say.warning('replicas', message, { cure: 'Set min.insync.replicas=2.', command })];
}
