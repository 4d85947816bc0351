import { createRequire } from 'node:module';
import type { Kafka } from 'kafkajs';
import { AfterlogError, type ErrorCode, reasonOf } from '../base/errors.ts';
import type { Settings } from '../config/settings.ts';
import { createKafka, kafkaFault } from '../kafka/client.ts';
import { within } from './finding.ts';

/** Versions of a request that a broker takes, by the request's number. */
export type Offered = Record<number, { minVersion: number; maxVersion: number }>;

/** What a broker said, or why it did not. */
export interface Answer {
  address: string;
  failure: string | null;
  /** Of the failure. */
  code: ErrorCode;
  offered: Offered;
  /** host:port by which the brokers of its cluster say that they can be reached. */
  cluster: string[];
}

/** kafkajs' own client below its admin, which alone knows what a broker offers. */
interface Cluster {
  connect(): Promise<void>;
  disconnect(): Promise<void>;
  brokerPool: {
    versions: Offered | null;
    /** The one that is connected, whatever address it has by its own account. */
    seedBroker: { metadata(topics: string[]): Promise<{ brokers: { host: string; port: number }[] }> };
  };
}

/** Connects to one broker alone, as agent and consumer would. Never rejects. */
export async function askBroker(settings: Settings, address: string): Promise<Answer> {
  const answer: Answer = { address, failure: null, code: 'KAFKA_UNREACHABLE', offered: {}, cluster: [] };
  let cluster: Cluster | null = null;
  try {
    const opened = clusterOf(createKafka({ ...settings, kafka: { ...settings.kafka, brokers: [address] } }));
    cluster = opened;
    await within(
      (async () => {
        await opened.connect();
        answer.offered = opened.brokerPool.versions ?? {};
        const { brokers } = await opened.brokerPool.seedBroker.metadata([]);
        answer.cluster = brokers.map(({ host, port }) => `${host}:${port}`);
      })(),
    );
  } catch (error) {
    answer.failure = reasonOf(error).replace(/\.$/, '');
    answer.code = error instanceof AfterlogError ? error.code : kafkaFault('', error).code;
  }
  void cluster?.disconnect().catch(() => {});
  return answer;
}

function clusterOf(kafka: Kafka): Cluster {
  const name = Object.getOwnPropertySymbols(kafka).find(
    (symbol) => symbol.description === 'private:Kafka:createCluster',
  )!;
  const made = kafka as unknown as Record<symbol, (options: object) => Cluster>;
  return made[name]!({ allowAutoTopicCreation: false });
}

/** What agent and consumer send. */
const USED = [
  ...['Produce', 'Fetch', 'ListOffsets', 'Metadata', 'OffsetCommit', 'OffsetFetch', 'GroupCoordinator'],
  ...['JoinGroup', 'Heartbeat', 'LeaveGroup', 'SyncGroup', 'CreateTopics', 'CreatePartitions'],
];

/** Requests that client and broker have no version of in common; kafkajs would only see its connection closed. */
export function incompatible(offered: Offered): string[] {
  const require = createRequire(import.meta.url);
  const numbers = require('kafkajs/src/protocol/requests/apiKeys') as Record<string, number>;
  const { requests } = require('kafkajs/src/protocol/requests') as {
    requests: Record<string, { versions: (string | number)[] }>;
  };
  return USED.filter((name) => {
    const theirs = offered[numbers[name]!];
    const ours = requests[name]!.versions.map(Number);
    return theirs === undefined || !ours.some((one) => one >= theirs.minVersion && one <= theirs.maxVersion);
  });
}

/** The first release that offered a version of a request, newest first: brokers do not tell their release. */
const releases: [release: string, request: number, version: number][] = [
  ['4.0', 0, 12],
  ['3.9', 1, 17],
  ['3.8', 0, 11],
  ['3.7', 1, 16],
  ['3.5', 1, 15],
  ['3.1', 1, 13],
  ['3.0', 2, 7],
  ['2.8', 0, 9],
  ['2.7', 1, 12],
  ['2.5', 11, 7],
  ['2.4', 19, 5],
];
/** The first whose brokers fill in their default replication for a new topic. */
export const OLDEST_RELEASE = releases.at(-1)![0];

/** `3.7`: the newest release whose requests are all offered, or null for one older than all above. */
export function releaseOf(offered: Offered): string | null {
  const found = releases.find(([, request, version]) => (offered[request]?.maxVersion ?? -1) >= version);
  return found?.[0] ?? null;
}
