import { createRequire } from 'node:module';
import type { Kafka } from 'kafkajs';
import { AfterlogError, type ErrorCode, reasonOf } from '../base/errors.ts';
import type { Settings } from '../config/settings.ts';
import { createKafka, kafkaFault } from '../kafka/client.ts';
import { within } from './finding.ts';

/** Supported versions of a broker, by API key. */
export type Offered = Record<number, { minVersion: number; maxVersion: number }>;

/** The answer of a broker, or the reason of its failure. */
export interface Answer {
  address: string;
  failure: string | null;
  /** Error code of the failure. */
  code: ErrorCode;
  offered: Offered;
  /** The advertised host:port of each broker of the cluster. */
  cluster: string[];
}

/** kafkajs' internal client, the only one that knows a broker's API versions. */
interface Cluster {
  connect(): Promise<void>;
  disconnect(): Promise<void>;
  brokerPool: {
    versions: Offered | null;
    /** The connected broker, regardless of its advertised address. */
    seedBroker: { metadata(topics: string[]): Promise<{ brokers: { host: string; port: number }[] }> };
  };
}

/** Connects to a single broker like agent and consumer do. Never rejects. */
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

/** Requests that agent and consumer send. */
const USED = [
  ...['Produce', 'Fetch', 'ListOffsets', 'Metadata', 'OffsetCommit', 'OffsetFetch', 'GroupCoordinator'],
  ...['JoinGroup', 'Heartbeat', 'LeaveGroup', 'SyncGroup', 'CreateTopics', 'CreatePartitions'],
];

/**
 * Requests without a version that client and broker have in common; kafkajs would only see a closed
 * connection.
 */
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

/**
 * The first release with a version of a request (API key), newest first: brokers do not report their release.
 */
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
/** The first release whose brokers apply their default replication factor to a new topic. */
export const OLDEST_RELEASE = releases.at(-1)![0];

/** `3.7`: the newest release that the offered versions prove; null if older than all above. */
export function releaseOf(offered: Offered): string | null {
  const found = releases.find(([, request, version]) => (offered[request]?.maxVersion ?? -1) >= version);
  return found?.[0] ?? null;
}
