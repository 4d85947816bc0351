import { stat } from 'node:fs/promises';
import { type Settings, settingsSchema } from '../config/settings.ts';
import { clickhouseFindings } from './clickhouse.ts';
import { diskFindings } from './disk.ts';
import { fileFindings } from './files.ts';
import { check, type Finding, groups, reporter, within } from './finding.ts';
import { codeOf } from './folder.ts';
import { inotifyFindings } from './inotify.ts';
import { openFileFindings } from './open_files.ts';
import { pinFindings } from './pins.ts';
import { lockFindings, runningAgent, writableFindings } from './state.ts';
import { survey } from './survey.ts';
import { currentUser } from './user.ts';

/**
 * Everything that the settings imply, looked at side by side, each check within limits.doctor.check_ms. Changes
 * nothing: two files that it makes, to try a hard link and an fsync, are gone when it returns. Never rejects for
 * what it finds.
 * @returns findings in the order of `groups`
 */
export async function examine(settings: Settings): Promise<Finding[]> {
  const isAgentHere = await isThere(settings.data_dir);
  const isKafkaSet = settings.kafka.brokers.length > 0;
  const findings = await Promise.all([
    setupFindings(settings, isAgentHere),
    isAgentHere ? hostFindings(settings) : [],
    isKafkaSet ? import('./kafka.ts').then(({ kafkaFindings }) => kafkaFindings(settings)) : [],
    // With brokers set, an agent has nothing to do with ClickHouse, and so needs no address of it.
    clickhouseFindings(settings, !isKafkaSet || settings.clickhouse.url !== undefined),
  ]);
  const order = Object.keys(groups);
  return findings.flat().sort((a, b) => order.indexOf(a.group) - order.indexOf(b.group));
}

/** What cannot be seen, or does not answer, is there: the checks of it say why. */
const isThere = (dir: string): Promise<boolean> =>
  within(stat(dir)).then(
    () => true,
    (error) => !['ENOENT', 'ENOTDIR'].includes(codeOf(error)),
  );

/** What the settings imply is for whom. */
function setupFindings({ data_dir, kafka }: Settings, isAgentHere: boolean): Finding[] {
  const { brokers, topic } = kafka;
  const agent = reporter('setup', ['agent']);
  const findings: Finding[] = [];
  if (brokers.length > 0) {
    findings.push(
      agent.ok('way', `The agent sends to Kafka, topic ${topic}; consumers land it in ClickHouse.`),
    );
  } else {
    const message = 'No brokers are set: the agent writes to ClickHouse itself. Kafka is not looked at.';
    findings.push(agent.note('way', message));
  }
  if (isAgentHere) return findings;
  const isDefault = data_dir === settingsSchema.parse({}).data_dir;
  const message = `The data dir ${data_dir} does not exist`;
  if (!isDefault) {
    const cure = 'Set AFTERLOG_DATA_DIR (--data-dir) to the folder that holds the sandboxes.';
    return [...findings, agent.error('data_dir', `${message}.`, { cure })];
  }
  const cure = 'If an agent is to run here, set AFTERLOG_DATA_DIR to the folder that holds the sandboxes.';
  return [
    ...findings,
    agent.note('data_dir', `${message}: what only an agent needs is not looked at.`, { cure }),
  ];
}

/** What the agent needs of this machine. */
async function hostFindings(settings: Settings): Promise<Finding[]> {
  const user = currentUser();
  const say = reporter('files', ['agent']);
  const found = await within(survey(settings)).catch(() => null);
  if (found === null) {
    const message = `${settings.data_dir} does not answer: its logs were not looked at.`;
    return [say.error('sandboxes', message, { cure: 'Check its file system.' })];
  }
  const files = fileFindings(settings, found, user);
  const pins = await check(reporter('pins', ['agent']), 'link', () => pinFindings(settings, found, user));
  const canLink = !pins.some(({ level }) => level === 'error');
  const more = await Promise.all([
    check(reporter('state', ['agent']), 'writable', () => writableFindings(settings, user)),
    check(reporter('state', ['agent']), 'lock', () => lockFindings(settings, user)),
    check(reporter('disk', ['agent']), 'free', () => diskFindings(settings)),
    check(reporter('inotify', ['agent']), 'limits', () =>
      inotifyFindings(settings.data_dir, found.sandboxes),
    ),
    check(reporter('limits', ['agent']), 'open_files', () =>
      openFileFindings(runningAgent(settings), found.sandboxes, canLink),
    ),
  ]);
  return [...files, ...pins, ...more.flat()];
}
