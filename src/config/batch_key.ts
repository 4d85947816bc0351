import { createHmac, randomBytes } from 'node:crypto';

/** The key of an installation: all keys of its hosts are derived from it. Only consumers have it. */
export interface MasterKey {
  kind: 'master';
  id: string;
  secret: Buffer;
}

/** The key with which one host signs. Nobody can compute the master key or another host's key from it. */
export interface HostKey {
  kind: 'host';
  /** The id of its master key. */
  id: string;
  host: string;
  secret: Buffer;
}

/**
 * The two forms cannot be confused: by their prefix, their length, and the host's name, which only one of
 * them has. The name is percent-encoded, because a name may contain a comma, which separates keys.
 */
const MASTER = /^afterlog_master_([0-9a-f]{64})$/;
const HOST = /^afterlog_host_([0-9a-f]{8})_([0-9a-f]{64})_([\w.!~*'()%-]{1,1800})$/;

/** For the schema: a text that is one of the two forms. */
export const BATCH_KEY = new RegExp(`${MASTER.source}|${HOST.source}`);

export const newMasterKey = (): string => `afterlog_master_${randomBytes(32).toString('hex')}`;

/** @param text one of the two forms @throws Error if it is neither, which the schema has excluded */
export function batchKeyOf(text: string): MasterKey | HostKey {
  const [, master] = MASTER.exec(text) ?? [];
  if (master !== undefined) {
    const secret = Buffer.from(master, 'hex');
    return { kind: 'master', id: derived(secret, 'key id').toString('hex', 0, 4), secret };
  }
  const [, id, hex, name] = HOST.exec(text) ?? [];
  if (name === undefined) throw new Error('this text is not a batch key');
  return { kind: 'host', id: id!, host: nameOf(name), secret: Buffer.from(hex!, 'hex') };
}

/** The key of one host. */
export function hostKeyOf({ id, secret }: MasterKey, host: string): HostKey {
  return { kind: 'host', id, host, secret: derived(secret, `host ${host}`) };
}

export const hostKeyText = ({ id, host, secret }: HostKey): string =>
  `afterlog_host_${id}_${secret.toString('hex')}_${encodeURIComponent(host.toWellFormed())}`;

/** A master key is uniform, so one HMAC for each purpose derives independent keys. */
const derived = (master: Buffer, purpose: string): Buffer =>
  createHmac('sha256', master).update(`afterlog batch ${purpose}`).digest();

/** A name with a broken escape stays as it is: it is then no name of this host, and the message shows it. */
function nameOf(encoded: string): string {
  try {
    return decodeURIComponent(encoded);
  } catch {
    return encoded;
  }
}
