import { cureOf } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import type { Settings } from '../config/settings.ts';
import { createKafka } from '../kafka/client.ts';
import { withAdmin } from '../kafka/topics.ts';
import { check, type Finding, many, reporter } from './finding.ts';
import { type Answer, askBroker, incompatible, OLDEST_RELEASE, releaseOf } from './kafka_broker.ts';
import { groupFindings } from './kafka_group.ts';
import { topicFindings } from './kafka_topic.ts';

const say = reporter('kafka', ['agent', 'consumer']);

/** Each broker that is set, then those that they name; then, through those that answer, topics and group. */
export async function kafkaFindings(settings: Settings): Promise<Finding[]> {
  const answers = await Promise.all(settings.kafka.brokers.map((address) => askBroker(settings, address)));
  const reached = answers.filter(({ failure }) => failure === null);
  const findings = answers.map((answer) => brokerFinding(answer, reached.length > 0));
  if (reached.length === 0) {
    const message = 'Topics, consumer group and the brokers’ clock were not looked at: no broker answers.';
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
      // Which the client hides behind another reason.
      `If the brokers ask for rights, give this user Describe on the group ${settings.kafka.group}.`,
    ),
  ]);
  return [...findings, ...more.flat()];
}

function brokerFinding({ address, failure, code, offered }: Answer, othersAnswer: boolean): Finding {
  if (failure !== null) {
    const isSilent = code === 'KAFKA_UNREACHABLE';
    const message = `Broker ${address} ${isSilent ? 'does not answer' : 'cannot be used'}: ${failure}.`;
    const cure = isSilent
      ? 'Check that it runs and that this machine reaches it, or correct AFTERLOG_KAFKA_BROKERS.'
      : cureOf(code);
    return say[othersAnswer ? 'warning' : 'error']('broker', message, { cure });
  }
  const release = releaseOf(offered);
  const missing = incompatible(offered);
  if (release === null || missing.length > 0) {
    const lacks =
      missing.length > 0 ? ` does not offer ${missing.join(', ')} in a version that afterlog speaks` : '';
    const old = release === null ? ` is older than Kafka ${OLDEST_RELEASE}` : '';
    const cure = `Use a broker of Kafka ${OLDEST_RELEASE} or newer; tested with 4.1.`;
    return say.error('broker', `Broker ${address}${[old, lacks].filter(Boolean).join(' and')}.`, { cure });
  }
  return say.ok('broker', `Broker ${address} answers: Kafka ${release} or newer, by what it offers.`);
}

/** Clients are sent on to the addresses that brokers advertise, which this machine may not know. */
async function advertisedFindings(settings: Settings, reached: Answer[]): Promise<Finding[]> {
  const named = new Set(reached.flatMap(({ cluster }) => cluster));
  const others = [...named].filter((address) => !settings.kafka.brokers.includes(address));
  const answers = await Promise.all(
    others.slice(0, limits.doctor.brokers_max).map((address) => askBroker(settings, address)),
  );
  const rest = others.length - answers.length;
  const untried = `${many(rest, 'more broker')} of the cluster ${rest === 1 ? 'was' : 'were'} not tried.`;
  const findings = answers.map(({ address, failure }) => {
    if (failure === null) return say.ok('advertised', `Broker ${address}, which the brokers name, answers.`);
    return say.error(
      'advertised',
      `The brokers send clients on to ${address}, which does not answer: ${failure}.`,
      {
        cure:
          'Let the broker run, or correct its advertised.listeners: each broker has to name an address that hosts ' +
          'and consumers reach.',
      },
    );
  });
  return rest > 0 ? [...findings, say.note('advertised', untried)] : findings;
}
