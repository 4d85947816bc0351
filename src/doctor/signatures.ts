import { limits } from '../base/limits.ts';
import { batchKeyOf } from '../config/batch_key.ts';
import type { Settings } from '../config/settings.ts';
import { agentKey, masterKeys, type SignatureMode, secretsOf, signatureMode } from '../config/signing.ts';
import { createKafka } from '../kafka/client.ts';
import { partitionOffsets } from '../kafka/offsets.ts';
import { type ReadMessage, TopicReader } from '../kafka/topic_reader.ts';
import { withAdmin } from '../kafka/topics.ts';
import { checkSignature, type SignatureFinding } from '../wire/signature.ts';
import { type Finding, many, reporter } from './finding.ts';

/** The newest messages of each partition, and those that the group has not landed. */
export interface SignatureSample {
  batches: {
    host: string;
    at_ms: number;
    hasLanded: boolean;
    signature: SignatureFinding;
  }[];
  /** Messages that have not landed and were not read, because there are too many. */
  unread: number;
}

const agent = reporter('topic', ['agent']);
const consumer = reporter('topic', ['consumer']);
const CHECK = 'signatures';

/** On an agent's machine checks its key; with a master key checks the newest batches of the topic. */
export async function signatureFindings(settings: Settings): Promise<Finding[]> {
  const keys = settings.kafka.batch_key.map(batchKeyOf);
  if (keys.length === 0) {
    const message =
      'Batches are not signed: who may write to the topic can send lines in the name of any host.';
    const cure = 'See “Signed batches” in docs/guides/operating.md.';
    return [consumer.note(CHECK, message, { cure, command: 'afterlog token --batch-key' })];
  }
  if (keys.some(({ kind }) => kind === 'host')) {
    const key = agentKey(settings)!;
    return [agent.ok(CHECK, `Batches are signed as host ${key.host}, with a key of master key ${key.id}.`)];
  }
  return signatureReport(await sampled(settings), signatureMode(settings), [
    ...new Set(keys.map(({ id }) => id)),
  ]);
}

async function sampled(settings: Settings): Promise<SignatureSample> {
  const kafka = createKafka(settings);
  const { group, topic } = settings.kafka;
  const sample: SignatureSample = { batches: [], unread: 0 };
  if (!(await withAdmin(kafka, (admin) => admin.listTopics())).includes(topic)) return sample;
  const secrets = secretsOf(masterKeys(settings));
  const offsets = await partitionOffsets(kafka, group, topic);
  const reader = await TopicReader.open(kafka, topic);
  try {
    for (const { partition, committed, low, high } of offsets) {
      const next = Math.max(low, committed ?? low);
      const from = Math.max(low, high - limits.doctor.messages_max);
      sample.unread += Math.max(0, from - next);
      for await (const { offset, message } of reader.read(partition, from, high)) {
        const { headers, value, timestamp } = message;
        const host = hostOf(message);
        // Other messages are no batches, with or without a signature.
        if (host === null) continue;
        const signature = checkSignature({ topic, partition, headers, value }, host, secrets);
        sample.batches.push({ host, at_ms: Number(timestamp), hasLanded: offset < next, signature });
      }
    }
  } finally {
    await reader.close();
  }
  return sample;
}

const hostOf = ({ headers }: ReadMessage['message']): string | null =>
  /^([^/]+)\/\d+\/\d+$/.exec(String(headers?.batch ?? ''))?.[1] ?? null;

export function signatureReport(
  { batches, unread }: SignatureSample,
  mode: SignatureMode,
  ids: string[],
): Finding[] {
  if (batches.length === 0)
    return [consumer.note(CHECK, 'The topic holds no batches whose signatures could be checked.')];
  return [
    ...wrongFindings(batches),
    ...(ids.length > 1 ? [keyFinding(batches, ids)] : []),
    requireFinding(batches, unread, mode),
  ];
}

type Batches = SignatureSample['batches'];

function wrongFindings(batches: Batches): Finding[] {
  const wrong = batches.filter(({ signature }) => signature.state === 'wrong');
  const first = wrong[0]?.signature;
  if (first?.state !== 'wrong') return [];
  const message =
    `${many(wrong.length, 'batch', 'batches')} of the newest, in the name of ${hostsText(wrong)}, cannot be of ` +
    `that host: for example, a signature ${first.reason}.`;
  const cure =
    'Find the sender; or add its master key to AFTERLOG_KAFKA_BATCH_KEY, if only this machine lacks it.';
  return [consumer.warning('signatures_wrong', message, { cure })];
}

/** For a rotation: which master keys are still in use. */
function keyFinding(batches: Batches, ids: string[]): Finding {
  const used = (id: string): number =>
    new Set(
      batches.flatMap(({ host, signature }) =>
        signature.state === 'right' && signature.key === id ? [host] : [],
      ),
    ).size;
  const shown = ids.map((id) => `${id}: ${many(used(id), 'host')}`).join(', ');
  const message = `Hosts that sign with a key of each master key: ${shown}.`;
  return consumer.note('signature_keys', message, {
    cure: 'Remove a master key only when no agent has a key of it any more.',
  });
}

function requireFinding(batches: Batches, unread: number, mode: SignatureMode): Finding {
  const since = new Date(batches.reduce((min, { at_ms }) => Math.min(min, at_ms), Number.MAX_SAFE_INTEGER));
  const seen = `${many(batches.length, 'batch', 'batches')} since ${since.toISOString().slice(0, 19)}Z, of ${many(
    new Set(batches.map(({ host }) => host)).size,
    'host',
  )}`;
  const cure = 'Give each of their agents the key of its host.';
  const unsigned = lastOfHosts(batches).filter(({ signature }) => signature.state === 'missing');
  if (unsigned.length > 0) {
    const what = `Of ${seen}, the newest of ${hostsText(unsigned)} ${unsigned.length === 1 ? 'is' : 'are'} not signed`;
    // Anybody may have chosen this name, and people paste the command into a shell.
    const plain = unsigned.find(({ host }) => /^\w[\w.-]*$/.test(host));
    const mend = { cure, ...(plain && { command: `afterlog token --host ${plain.host}` }) };
    if (mode === 'require') return consumer.error(CHECK, `${what}: the consumer sets them aside.`, mend);
    return consumer.note(CHECK, `${what}: kafka.batch_signatures=require would set them aside.`, mend);
  }
  const quiet = 'Hosts that sent nothing since then were not seen.';
  if (mode === 'require')
    return consumer.ok(CHECK, `Of ${seen}, the newest of each host is signed. ${quiet}`);
  const waiting = batches.filter(({ hasLanded, signature }) => !hasLanded && signature.state === 'missing');
  if (waiting.length > 0 || unread > 0) {
    const what =
      waiting.length > 0
        ? `${many(waiting.length, 'unsigned batch', 'unsigned batches')} in the topic must land first`
        : `${many(unread, 'batch', 'batches')} in the topic must land first, and too many to check`;
    return consumer.note(CHECK, `Not yet safe: kafka.batch_signatures=require. ${what}.`, {
      cure: 'Wait until the consumers have no lag, and check again.',
    });
  }
  return consumer.ok(
    CHECK,
    `Of ${seen}, the newest of each host is signed: kafka.batch_signatures=require is safe. ${quiet}`,
  );
}

/** The newest batch of each host. */
const lastOfHosts = (batches: Batches): Batches => [
  ...new Map(batches.toSorted((a, b) => a.at_ms - b.at_ms).map((batch) => [batch.host, batch])).values(),
];

/** `host a`, `hosts a, b and 3 more`. */
function hostsText(batches: Batches): string {
  const hosts = [...new Set(batches.map(({ host }) => host))];
  const shown = hosts.slice(0, limits.doctor.hosts_shown).join(', ');
  const rest = hosts.length - limits.doctor.hosts_shown;
  return `host${hosts.length === 1 ? '' : 's'} ${shown}${rest > 0 ? ` and ${rest} more` : ''}`;
}
