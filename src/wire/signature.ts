import { createHmac, timingSafeEqual } from 'node:crypto';
import type { MessageHeaders } from './header.ts';

/** The header with the signature: `<key id>.<HMAC-SHA-256 in base64url>`. It covers all other headers. */
export const SIGNATURE = 'signature';

/** `wrong` has the reason, which continues "Its signature ". */
export type SignatureFinding =
  | { state: 'right'; key: string }
  | { state: 'missing' }
  | { state: 'wrong'; key: string | null; reason: string };

/** The part of a message that is signed, and the topic and partition that its epoch is bound to. */
export interface SignedMessage {
  topic: string;
  partition: number;
  headers: MessageHeaders | undefined;
  value: Buffer | null;
}

/** The value of the header `signature`. */
export const signatureOf = (key: { id: string; secret: Buffer }, message: SignedMessage): string =>
  `${key.id}.${macOf(key.secret, message).toString('base64url')}`;

/** The id of the master key that a signature names, without a check; null if it names none. */
export const keyIdOf = (headers: MessageHeaders | undefined): string | null =>
  FORM.exec(String(headers?.[SIGNATURE] ?? ''))?.[1] ?? null;

const FORM = /^([0-9a-f]{8})\.([\w-]{43})$/;

/**
 * @param secrets returns the secrets that a host may sign with under a key id; two keys may have the same id
 */
export function checkSignature(
  message: SignedMessage,
  host: string,
  secrets: (keyId: string, host: string) => Buffer[],
): SignatureFinding {
  const found = message.headers?.[SIGNATURE];
  if (found === undefined) return { state: 'missing' };
  const [, key, text] = FORM.exec(String(found)) ?? [];
  if (key === undefined || Array.isArray(found)) {
    return { state: 'wrong', key: null, reason: 'is not of the form <key id>.<HMAC-SHA-256 in base64url>' };
  }
  const possible = secrets(key, host);
  if (possible.length === 0) {
    return { state: 'wrong', key, reason: `is by key ${key}, and kafka.batch_key has no such key` };
  }
  const mac = Buffer.from(text!, 'base64url');
  if (possible.some((secret) => timingSafeEqual(macOf(secret, message), mac))) return { state: 'right', key };
  return { state: 'wrong', key, reason: `is not that of host ${host} with key ${key}` };
}

/**
 * The place is part of it: a copy in another partition could overtake the batches before it, which would then
 * be skipped. Each field has its length in front, so that no two messages have the same bytes.
 */
function macOf(secret: Buffer, { topic, partition, headers = {}, value }: SignedMessage): Buffer {
  const fields: (string | Buffer)[] = ['afterlog batch signature 1', topic, String(partition)];
  for (const name of Object.keys(headers).sort()) {
    if (name === SIGNATURE) continue;
    for (const one of [headers[name]].flat()) fields.push(name, one ?? '');
  }
  const content = value ?? Buffer.alloc(0);
  // In one piece, because each call of `update` costs as much as some kilobytes.
  const head = Buffer.concat([...fields.flatMap(withLength), lengthOf(content)]);
  return createHmac('sha256', secret).update(head).update(content).digest();
}

function withLength(field: string | Buffer): Buffer[] {
  const bytes = typeof field === 'string' ? Buffer.from(field) : field;
  return [lengthOf(bytes), bytes];
}

function lengthOf(field: Buffer): Buffer {
  const bytes = Buffer.allocUnsafe(4);
  bytes.writeUInt32BE(field.length);
  return bytes;
}
