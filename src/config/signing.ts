import { AfterlogError } from '../base/errors.ts';
import { batchKeyOf, type HostKey, hostKeyOf, hostKeyText, type MasterKey } from './batch_key.ts';
import type { Settings } from './settings.ts';

/** What a consumer does with signatures. */
export type SignatureMode = 'ignore' | 'verify' | 'require';

const SETTING = 'Setting kafka.batch_key (AFTERLOG_KAFKA_BATCH_KEY)';

/**
 * The key with which this agent signs; null if none is set. An agent does not take a master key, because then
 * a host that is taken over could speak for every other host.
 * @throws AfterlogError SETTING_INVALID
 */
export function agentKey({ host, kafka }: Settings): HostKey | null {
  const keys = kafka.batch_key.map(batchKeyOf);
  if (keys.some(({ kind }) => kind === 'master')) {
    throw invalid(`holds a master key, and an agent takes only the key of its host; ${howToGet(host)}`);
  }
  const [key, ...more] = keys as HostKey[];
  if (key === undefined) return null;
  if (more.length > 0) throw invalid(`holds ${keys.length} keys, and an agent signs with one`);
  if (key.host === host) return key;
  throw invalid(`is the key of host ${key.host}, and this host is ${host}; ${howToGet(host)}`);
}

/**
 * The master keys of a consumer, the one for new host keys first; none if none is set.
 * @throws AfterlogError SETTING_INVALID
 */
export function masterKeys({ kafka }: Settings): MasterKey[] {
  return kafka.batch_key.map(batchKeyOf).map((key) => {
    if (key.kind === 'master') return key;
    throw invalid(
      `holds the key of host ${key.host}; it needs master keys here, which can check the batches of all hosts`,
    );
  });
}

/** The secrets with which a host may sign under a key id; two master keys may have the same id. */
export const secretsOf =
  (masters: MasterKey[]) =>
  (keyId: string, host: string): Buffer[] =>
    masters.filter(({ id }) => id === keyId).map((master) => hostKeyOf(master, host).secret);

/** The mode that is set, or the one that follows from the keys. */
export const signatureMode = ({ kafka }: Settings): SignatureMode =>
  kafka.batch_signatures ?? (kafka.batch_key.length > 0 ? 'verify' : 'ignore');

/** The settings of an agent that shares them with a consumer, as in `up`: it gets the key of its host. */
export function withHostKey(settings: Settings): Settings {
  const { host, kafka } = settings;
  const [master] = kafka.batch_key.map(batchKeyOf);
  if (master?.kind !== 'master') return settings;
  return { ...settings, kafka: { ...kafka, batch_key: [hostKeyText(hostKeyOf(master, host))] } };
}

const howToGet = (host: string): string =>
  `\`afterlog token --host ${host}\` prints that key, where the master key is set`;

const invalid = (what: string): AfterlogError => new AfterlogError('SETTING_INVALID', `${SETTING} ${what}.`);
