import { AfterlogError } from '../base/errors.ts';
import { newestSchema } from '../store/care/migrate.ts';
import type { BatchHeader, MessageHeaders } from '../wire/header.ts';
import { receivedBatch } from '../wire/received.ts';

/** A message or a batch that could not land and was set aside, whole. */
export interface Letter {
  /** `<partition>/<offset>` in the dead-letter topic, or for a file in `refused/` the batch's id. */
  id: string;
  /** When it was set aside, ms since 1970. */
  at_ms: number;
  /** `<topic>/<partition>/<offset>` of the message; null for a batch that never was in Kafka. */
  origin: string | null;
  /** Its file in `refused/`; null for a letter in the dead-letter topic. */
  path: string | null;
  reason: string;
  /**
   * Code of the error, if it was set aside before its batch was tried: then no gap rows take its place. null
   * otherwise.
   */
  code: string | null;
  /** The message’s key, which is its host's name. */
  key: string | null;
  headers: Record<string, string>;
  /** null in lists, and if `fault` reports that the value was left in its topic. */
  value: Buffer | null;
  bytes: number;
  /** null if it is not a whole batch: then `fault` has the reason, and it cannot be replayed. */
  header: BatchHeader | null;
  fault: string | null;
  /** When somebody dismissed it, ms since 1970; null if nobody did, or if it was not looked up. */
  dismissed_ms: number | null;
}

/** The fields from which a letter is made, for both places. */
export interface KeptMessage {
  id: string;
  at_ms: number;
  path?: string;
  reason?: string | undefined;
  key?: Buffer | null;
  headers: MessageHeaders;
  value: Buffer | null;
  dismissed_ms?: number | null;
}

/** Prefix of the headers that consume/dead_letter.ts adds to the message's own. */
const ADDED = 'dlq-';

export function letterOf(message: KeptMessage): Letter {
  const { id, at_ms, path, reason, key, headers: found, value, dismissed_ms = null } = message;
  const headers: Record<string, string> = {};
  for (const [name, text] of Object.entries(found)) {
    if (text !== undefined) headers[name] = String(text);
  }
  const added = (name: string): string | undefined => headers[ADDED + name];
  const origin = added('topic') ? `${added('topic')}/${added('partition')}/${added('offset')}` : null;
  const place = { id, at_ms, origin, path: path ?? null };
  const code = added('code') || null;
  const bytes = value?.length ?? 0;
  const letter = { ...place, code, key: key?.toString() ?? null, headers, value, bytes, dismissed_ms };
  const kept = reason ?? added('reason') ?? 'no reason was kept';
  try {
    if (added('value') !== undefined)
      throw new AfterlogError('BATCH_DAMAGED', `Its bytes are ${added('value')}.`);
    const { header } = receivedBatch({ key, headers: found, value }, newestSchema());
    return { ...letter, reason: kept, header, fault: null };
  } catch (error) {
    return { ...letter, reason: kept, header: null, fault: (error as Error).message };
  }
}

/** The host of a letter, as far as it is known. */
export const hostOf = ({ header, headers, key }: Letter): string =>
  header?.host ?? headers.batch?.split('/')[0] ?? key ?? '';

/** The topic and partition of the message; null for a batch that never was in Kafka. */
export const placeOf = ({ origin, headers }: Letter): { topic: string; partition: number } | null =>
  origin === null
    ? null
    : { topic: headers[`${ADDED}topic`]!, partition: Number(headers[`${ADDED}partition`]) };

/** The message's own headers, without those that were added when it was set aside. */
export const originalHeaders = ({ headers }: Letter): Record<string, string> =>
  Object.fromEntries(Object.entries(headers).filter(([name]) => !name.startsWith(ADDED)));
