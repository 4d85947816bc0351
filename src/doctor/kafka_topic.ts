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

/** Checks the topic of the batches and the topic of the dead letters: settings, health, and dead letters. */
export async function topicFindings(settings: Settings, admin: Admin): Promise<Finding[]> {
  const { brokers, topic } = settings.kafka;
  const { batches, dead_letters } = wantedTopics(topic);
  const findings: Finding[] = [];
  const roles: Role[] = ['agent', 'consumer'];
  const found = await findTopic(admin, topic);
  const say = reporter('topic', roles);
  if (found === null) findings.push(await missing(say, admin, batches, 'the first agent creates it'));
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
    return [await missing(say, admin, wanted, 'the consumer creates it for the first dead letter')];
  const findings = [...settingFindings(say, kafka.brokers, wanted, found), ...healthFindings(say, found)];
  const ends = await admin.fetchTopicOffsets(wanted.topic);
  const letters = ends.reduce((sum, { low, high }) => sum + Number(high) - Number(low), 0);
  if (letters === 0) return [...findings, say.ok('dead_letters', `No dead letters in ${wanted.topic}.`)];
  const message = `${wanted.topic} holds ${many(letters, 'message')}: batches that could not be stored, also those that were replayed or dismissed since.`;
  const cure =
    'List what is open; correct the reason that it lists, and replay it, or dismiss what is damaged.';
  return [...findings, say.warning('dead_letters', message, { cure, command: 'afterlog dlq --state open' })];
}

/** Also checks, with a dry run, that the topic can be created. */
async function missing(
  say: Reporter,
  admin: Admin,
  wanted: WantedTopic,
  otherwise: string,
): Promise<Finding> {
  const absent = `The topic ${wanted.topic} does not exist yet, or is not visible to this user`;
  try {
    await createTopic(admin, wanted, true);
    return say.note('missing', `${absent}; ${otherwise}.`, { command: 'afterlog migrate' });
  } catch (error) {
    const cure = error instanceof AfterlogError ? error.cure : 'Correct the cause that the brokers report.';
    return say.error('missing', `${absent}, and it cannot be created: ${reasonOf(error)}`, { cure });
  }
}

function settingFindings(
  say: Reporter,
  brokers: string[],
  wanted: WantedTopic,
  found: FoundTopic,
): Finding[] {
  const { topic, partitions, settings, inherited } = found;
  const wrong = differences(wanted, settings);
  if (wrong === null) {
    const cure = `Give this user DescribeConfigs on ${topic}, or run doctor as a user that has it.`;
    return [say.note('settings', `This user may not read the settings of ${topic}.`, { cure })];
  }
  const findings = wrong.map((one) => {
    const origin = inherited.has(one.name) ? ' from its brokers' : '';
    const message = `${topic} has ${one.name}=${one.found}${origin}: ${one.otherwise}.`;
    const mend = { cure: `Set it to ${one.value}.`, command: alterCommand(brokers, topic, [one]) };
    return say[one.loses ? 'error' : 'warning'](one.name, message, mend);
  });
  if (wrong.length === 0) {
    const shown = wanted.settings.map(({ name }) => `${name}=${settings!.get(name)}`).join(', ');
    findings.push(say.ok('settings', `${topic}, partitions: ${partitions.length}, ${shown}.`));
  }
  const bytes = settings!.get('retention.bytes') ?? '-1';
  if (bytes !== '-1') {
    const message = `${topic} has retention.bytes=${bytes}: a larger partition loses its oldest batches, regardless of their age.`;
    findings.push(say.note('retention.bytes', message));
  }
  return findings;
}

/** Partitions that cannot accept batches now, or lack in-sync replicas. */
function healthFindings(say: Reporter, { topic, partitions, settings }: FoundTopic): Finding[] {
  const insync_min = Number(settings?.get('min.insync.replicas') ?? 1);
  const numbers = (some: FoundTopic['partitions']): string => some.map((one) => one.partitionId).join(', ');
  const refusing = partitions.filter(({ leader, isr }) => leader < 0 || isr.length < insync_min);
  const lagging = partitions.filter((one) => !refusing.includes(one) && one.isr.length < one.replicas.length);
  const findings: Finding[] = [];
  if (refusing.length > 0) {
    const message = `Partitions ${numbers(refusing)} of ${topic} accept no batches: no leader, or fewer than ${insync_min} in-sync replicas.`;
    findings.push(say.error('health', message, { cure: 'Restart the brokers of their replicas.' }));
  }
  if (lagging.length > 0) {
    const message = `Partitions ${numbers(lagging)} of ${topic} have replicas that are not in sync.`;
    findings.push(say.warning('health', message, { cure: 'Restart the brokers of their replicas.' }));
  }
  return findings;
}

const brokerCount = async (admin: Admin): Promise<number> => (await admin.describeCluster()).brokers.length;

/** Checks that acknowledged batches survive the loss of one broker's disk or power. */
function replicaFindings(say: Reporter, servers: string[], found: FoundTopic, brokers: number): Finding[] {
  const { topic, partitions, settings } = found;
  const replicas = Math.min(...partitions.map((one) => one.replicas.length));
  const insync_min = Number(settings?.get('min.insync.replicas') ?? 1);
  const shown = `${topic} has ${many(replicas, 'replica')} and min.insync.replicas=${insync_min}`;
  if (replicas >= 2 && insync_min >= 2) return [say.ok('replicas', `${shown}.`)];
  const message = `${shown}: if one broker loses its disk or power, acknowledged batches may be lost.`;
  if (brokers < 3) {
    const cure = 'In production, use three brokers, three replicas per topic, and min.insync.replicas=2.';
    return [say.note('replicas', message, { cure })];
  }
  if (replicas < 3) {
    const cure = 'Give it three replicas (kafka-reassign-partitions.sh), then min.insync.replicas=2.';
    return [say.warning('replicas', message, { cure })];
  }
  const command = alterCommand(servers, topic, [{ name: 'min.insync.replicas', value: '2' }]);
  return [say.warning('replicas', message, { cure: 'Set min.insync.replicas=2.', command })];
}
