import { AfterlogError } from '../base/errors.ts';
import { type BatchHeader, fromKafka, type MessageHeaders } from '../wire/header.ts';

/** A message or batch that could not land and was set aside, whole. */
export interface Letter {
  /** `<partition>/<offset>` in the dead-letter topic, or the batch's id for one that lies in `refused/`. */
  id: string;
  /** When it was set aside, ms since 1970. */
  at_ms: number;
  /** `<topic>/<partition>/<offset>` of the message; null for a batch that never became one. */
  origin: string | null;
  /** Its file in `refused/`; null for one in the dead-letter topic. */
  path: string | null;
  reason: string;
  /** The message’s key, which is its host's name. */
  key: string | null;
  headers: Record<string, string>;
  /** null in lists, and where `fault` says that it was left in place. */
  value: Buffer | null;
  bytes: number;
  /** null if it is not a whole batch: then `fault` says why, and it cannot be replayed. */
  header: BatchHeader | null;
  fault: string | null;
}

/** What makes a letter, wherever it lies. */
export interface KeptMessage {
  id: string;
  at_ms: number;
  path?: string;
  reason?: string | undefined;
  key?: Buffer | null;
  headers: MessageHeaders;
  value: Buffer | null;
}

/** Headers of the dead-letter topic that are not the message's own; see consume/dead_letter.ts. */
const OWN = 'dlq-';

export function letterOf({ id, at_ms, path, reason, key, headers: found, value }: KeptMessage): Letter {
  const headers: Record<string, string> = {};
  for (const [name, text] of Object.entries(found)) {
    if (text !== undefined) headers[name] = String(text);
  }
  const own = (name: string): string | undefined => headers[OWN + name];
  const origin = own('topic') ? `${own('topic')}/${own('partition')}/${own('offset')}` : null;
  const place = { id, at_ms, origin, path: path ?? null };
  const letter = { ...place, key: key?.toString() ?? null, headers, value, bytes: value?.length ?? 0 };
  const said = reason ?? own('reason') ?? 'no reason was kept';
  try {
    if (own('value') !== undefined)
      throw new AfterlogError('BATCH_DAMAGED', `Its bytes are ${own('value')}.`);
    const { header } = fromKafka(found, value);
    return { ...letter, reason: said, header, fault: null };
  } catch (error) {
    return { ...letter, reason: said, header: null, fault: (error as Error).message };
  }
}

/** The host that a letter is from, as far as that can be told. */
export const hostOf = ({ header, headers, key }: Letter): string =>
  header?.host ?? headers.batch?.split('/')[0] ?? key ?? '';

/** The message's own headers: without those that came with being set aside. */
export const originalHeaders = ({ headers }: Letter): Record<string, string> =>
  Object.fromEntries(Object.entries(headers).filter(([name]) => !name.startsWith(OWN)));
