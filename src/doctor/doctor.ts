import { stat } from 'node:fs/promises';
import { type Settings, settingsSchema } from '../config/settings.ts';
import { addressFindings } from './addresses.ts';
import { clickhouseFindings } from './clickhouse.ts';
import { diskFindings } from './disk.ts';
import { fileFindings } from './files.ts';
import { check, type Finding, groups, reporter, within } from './finding.ts';
import { codeOf } from './folder.ts';
import { inotifyFindings } from './inotify.ts';
import { logrotateFindings } from './logrotate.ts';
import { openFileFindings } from './open_files.ts';
import { pinFindings } from './pins.ts';
import { privateFindings } from './private.ts';
import { lockFindings, runningAgent, writableFindings } from './state.ts';
import { survey } from './survey.ts';
import { currentUser } from './user.ts';

/**
 * Runs all checks that the settings call for, in parallel, each for at most limits.doctor.check_ms. It
 * changes nothing: it removes the files that it creates to test hard links and fsync. Failed checks are
 * findings, not rejections.
 * @returns findings in the order of `groups`
 */
export async function examine(settings: Settings): Promise<Finding[]> {
  const isAgentHere = await isThere(settings.data_dir);
  const isKafkaSet = settings.kafka.brokers.length > 0;
  const findings = await Promise.all([
    setupFindings(settings, isAgentHere),
    check(reporter('setup', ['agent', 'server']), 'addresses', () => addressFindings(settings)),
    isAgentHere ? hostFindings(settings) : [],
    isKafkaSet ? import('./kafka.ts').then(({ kafkaFindings }) => kafkaFindings(settings)) : [],
    // If brokers are set, the agent does not use ClickHouse, and needs no address of it.
    clickhouseFindings(settings, !isKafkaSet || settings.clickhouse.url !== undefined),
  ]);
  const order = Object.keys(groups);
  return findings.flat().sort((a, b) => order.indexOf(a.group) - order.indexOf(b.group));
}

/** A folder that cannot be read, or does not answer, counts as existing: its checks report the reason. */
const isThere = (dir: string): Promise<boolean> =>
  within(stat(dir)).then(
    () => true,
    (error) => !['ENOENT', 'ENOTDIR'].includes(codeOf(error)),
  );

/** Checks the way of delivery and the data dir of the settings. */
function setupFindings({ data_dir, kafka }: Settings, isAgentHere: boolean): Finding[] {
  const { brokers, topic } = kafka;
  const agent = reporter('setup', ['agent']);
  const findings: Finding[] = [];
  if (brokers.length > 0) {
    findings.push(
      agent.ok('way', `The agent sends to Kafka topic ${topic}; consumers write it to ClickHouse.`),
    );
  } else {
    const message = 'No brokers are set: the agent writes directly to ClickHouse. Kafka is not checked.';
    findings.push(agent.note('way', message));
  }
  if (isAgentHere) return findings;
  const isDefault = data_dir === settingsSchema.parse({}).data_dir;
  const message = `The data dir ${data_dir} does not exist`;
  if (!isDefault) {
    const cure = 'Set AFTERLOG_DATA_DIR (--data-dir) to the folder where the runtime keeps the sandboxes.';
    return [...findings, agent.error('data_dir', `${message}.`, { cure })];
  }
  const cure =
    'To run an agent here, set AFTERLOG_DATA_DIR to the folder where the runtime keeps the sandboxes.';
  return [
    ...findings,
    agent.note('data_dir', `${message}: the requirements of an agent are not checked.`, { cure }),
  ];
}

/** Checks the agent's requirements on this machine. */
async function hostFindings(settings: Settings): Promise<Finding[]> {
  const user = currentUser();
  const say = reporter('files', ['agent']);
  const found = await within(survey(settings)).catch(() => null);
  if (found === null) {
    const message = `${settings.data_dir} does not answer: its logs were not checked.`;
    return [say.error('sandboxes', message, { cure: 'Check its file system.' })];
  }
  const files = fileFindings(settings, found, user);
  const pins = await check(reporter('pins', ['agent']), 'link', () => pinFindings(settings, found, user));
  const rotated = await check(reporter('pins', ['agent']), 'logrotate', () =>
    logrotateFindings(settings, found),
  );
  const canLink = settings.pins === 'link' && !pins.some(({ level }) => level === 'error');
  const more = await Promise.all([
    check(reporter('state', ['agent']), 'writable', () => writableFindings(settings, user)),
    check(reporter('state', ['agent']), 'lock', () => lockFindings(settings, user)),
    check(reporter('state', ['agent']), 'private', () => privateFindings(settings, user)),
    check(reporter('disk', ['agent']), 'free', () => diskFindings(settings)),
    check(reporter('inotify', ['agent']), 'limits', () =>
      inotifyFindings(settings.data_dir, found.sandboxes),
    ),
    check(reporter('limits', ['agent']), 'open_files', () =>
      openFileFindings(runningAgent(settings), found.sandboxes, canLink),
    ),
  ]);
  return [...files, ...pins, ...rotated, ...more.flat()];
}
