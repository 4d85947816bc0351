import { cureOf } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import type { Settings } from '../config/settings.ts';
import { createKafka } from '../kafka/client.ts';
import { withAdmin } from '../kafka/topics.ts';
import { check, type Finding, many, reporter } from './finding.ts';
import { type Answer, askBroker, incompatible, OLDEST_RELEASE, releaseOf } from './kafka_broker.ts';
import { groupFindings } from './kafka_group.ts';
import { topicFindings } from './kafka_topic.ts';
import { signatureFindings } from './signatures.ts';

const say = reporter('kafka', ['agent', 'consumer']);

/**
 * Checks each configured broker; then, through those that answer, the advertised brokers, topics and group.
 */
export async function kafkaFindings(settings: Settings): Promise<Finding[]> {
  const answers = await Promise.all(settings.kafka.brokers.map((address) => askBroker(settings, address)));
  const reached = answers.filter(({ failure }) => failure === null);
  const findings = answers.map((answer) => brokerFinding(answer, reached.length > 0));
  if (reached.length === 0) {
    const message = 'Topics, consumer group and the brokers’ clock were not checked: no broker answers.';
    return [...findings, say.note('skipped', message)];
  }
  const through = {
    ...settings,
    kafka: { ...settings.kafka, brokers: reached.map(({ address }) => address) },
  };
  const more = await Promise.all([
    advertisedFindings(through, reached),
    check(reporter('topic', ['agent', 'consumer']), 'topics', () =>
      withAdmin(createKafka(through), (admin) => topicFindings(through, admin)),
    ),
    check(
      reporter('group', ['consumer']),
      'state',
      () => groupFindings(through),
      // kafkajs hides a missing right behind another error.
      `If the brokers use ACLs, give this user Describe on the group ${settings.kafka.group}.`,
    ),
    check(
      reporter('topic', ['consumer']),
      'signatures',
      () => signatureFindings(through),
      `If the brokers use ACLs, give this user Read on the topic ${settings.kafka.topic}.`,
    ),
  ]);
  return [...findings, ...more.flat()];
}

function brokerFinding({ address, failure, code, offered }: Answer, othersAnswer: boolean): Finding {
  if (failure !== null) {
    const isSilent = code === 'KAFKA_UNREACHABLE';
    const message = `Broker ${address} ${isSilent ? 'does not answer' : 'cannot be used'}: ${failure}.`;
    const cure = isSilent
      ? 'Check that it runs and that this machine can reach it, or correct AFTERLOG_KAFKA_BROKERS.'
      : cureOf(code);
    return say[othersAnswer ? 'warning' : 'error']('broker', message, { cure });
  }
  const release = releaseOf(offered);
  const missing = incompatible(offered);
  if (release === null || missing.length > 0) {
    const lacks =
      missing.length > 0 ? ` does not offer ${missing.join(', ')} in a version that afterlog supports` : '';
    const old = release === null ? ` is older than Kafka ${OLDEST_RELEASE}` : '';
    const cure = `Use Kafka ${OLDEST_RELEASE} or newer; afterlog is tested with 4.1.`;
    return say.error('broker', `Broker ${address}${[old, lacks].filter(Boolean).join(' and')}.`, { cure });
  }
  return say.ok(
    'broker',
    `Broker ${address} answers; its API versions are those of Kafka ${release} or newer.`,
  );
}

/** Clients connect to the addresses that brokers advertise; this machine may not be able to reach them. */
async function advertisedFindings(settings: Settings, reached: Answer[]): Promise<Finding[]> {
  const named = new Set(reached.flatMap(({ cluster }) => cluster));
  const others = [...named].filter((address) => !settings.kafka.brokers.includes(address));
  const answers = await Promise.all(
    others.slice(0, limits.doctor.brokers_max).map((address) => askBroker(settings, address)),
  );
  const rest = others.length - answers.length;
  const untried = `${many(rest, 'more broker')} of the cluster ${rest === 1 ? 'was' : 'were'} not checked.`;
  const findings = answers.map(({ address, failure }) => {
    if (failure === null) return say.ok('advertised', `The advertised broker ${address} answers.`);
    return say.error('advertised', `The advertised broker ${address} does not answer: ${failure}.`, {
      cure:
        'Start the broker, or correct its advertised.listeners: each broker must advertise an address that hosts ' +
        'and consumers can reach.',
    });
  });
  return rest > 0 ? [...findings, say.note('advertised', untried)] : findings;
}
