import { AfterlogError } from '../../base/errors.ts';
import { limits } from '../../base/limits.ts';
import { harmless, humanBytes } from '../../base/text.ts';
import { requireBrokers, type Settings } from '../../config/settings.ts';
import { createKafka } from '../../kafka/client.ts';
import type { PartitionEnds } from '../../kafka/offsets.ts';
import { type ReadMessage, TopicReader } from '../../kafka/topic_reader.ts';
import { decodeValuePartly } from '../../wire/decode.ts';
import { type BatchHeader, batchId, fromKafka } from '../../wire/header.ts';
import { keyIdOf } from '../../wire/signature.ts';
import { rowNumbers, rowObject, rowsText } from '../batch_rows.ts';
import { shortTime } from '../format.ts';
import { jsonLine, print } from '../output.ts';

export interface TopicOptions {
  partition?: number;
  offset?: number;
  last?: number;
  follow?: boolean;
  host?: string;
  sandbox?: string;
  rows?: number;
  json?: boolean;
}

/**
 * `afterlog topic`: the batches of the topic, and their rows. Reads without a consumer group.
 * @throws AfterlogError TOPIC_MISSING, KAFKA_UNREACHABLE, USAGE
 */
export async function topic(settings: Settings, options: TopicOptions): Promise<void> {
  requireBrokers(settings);
  const reader = await TopicReader.open(createKafka(settings), settings.kafka.topic);
  try {
    const ends = await chosen(reader, options.partition);
    const isFiltered = options.host !== undefined || options.sandbox !== undefined;
    const last = options.last ?? (isFiltered ? limits.topic.filtered_default : limits.topic.last_default);
    let shown = 0;
    for (const { partition, low, high } of ends) {
      const from = options.offset ?? high - last;
      for await (const one of reader.read(partition, Math.max(low, from), high)) {
        if (await show(reader.topic, one, options)) shown++;
      }
    }
    if (options.follow) {
      for await (const one of reader.follow(new Map(ends.map(({ partition, high }) => [partition, high])))) {
        await show(reader.topic, one, options);
      }
    }
    if (shown === 0) console.error(nothingText(reader.topic, ends, options, last));
  } finally {
    await reader.close();
  }
}

async function chosen(reader: TopicReader, partition: number | undefined): Promise<PartitionEnds[]> {
  const ends = await reader.ends();
  if (partition === undefined) return ends;
  const found = ends.filter((end) => end.partition === partition);
  if (found.length > 0) return found;
  const has = ends.length === 1 ? 'only 0' : `0 to ${ends.length - 1}`;
  throw new AfterlogError('USAGE', `${reader.topic} has no partition ${partition}; it has ${has}.`);
}

function nothingText(topic: string, ends: PartitionEnds[], options: TopicOptions, last: number): string {
  const there = ends.map(({ partition, low, high }) => `${topic}/${partition} has ${rangeText(low, high)}`);
  if (options.offset !== undefined || ends.every(({ low, high }) => low === high))
    return `${there.join('; ')}.`;
  return `None of the last ${last} messages of each partition matches; use --last to search more.`;
}

const rangeText = (low: number, high: number): string =>
  low === high ? `no messages (next offset: ${high})` : `messages ${low} to ${high - 1}`;

/** Prints a message. @returns false if a filter excludes it */
async function show(
  topic: string,
  { partition, offset, message, fault: unreadable }: ReadMessage,
  options: TopicOptions,
): Promise<boolean> {
  const { header, fault } = check(message);
  const host = header?.host ?? message.key?.toString() ?? '';
  if (options.host !== undefined && options.host !== host) return false;
  const block = await decodeValuePartly(message.value ?? Buffer.alloc(0));
  const rows = rowNumbers(block, options.sandbox);
  if (options.sandbox !== undefined && rows.length === 0) return false;
  const some = rows.slice(0, options.rows ?? (options.json ? rows.length : limits.topic.rows_default));
  const bytes = message.value?.length ?? 0;
  const time = new Date(Number(message.timestamp)).toISOString();
  const wrong = unreadable ?? fault ?? block.fault?.message ?? null;
  const key_id = keyIdOf(message.headers);
  if (options.json) {
    const batch = header ? batchId(header) : null;
    const sizes = { key_id, rows: header?.rows ?? null, bytes, block_bytes: header?.block_bytes ?? null };
    const decoded = some.map((row) => rowObject(block, row));
    await print(
      jsonLine({ ...{ topic, partition, offset, time, host, batch, ...sizes }, fault: wrong, decoded }),
    );
    return true;
  }
  const what = header
    ? `${batchId(header)}  ${sizeText(header)}`
    : `from ${host || 'an unknown host'}  ${humanBytes(bytes)}`;
  const signed = key_id === null ? '' : `  key ${key_id}`;
  await print(`${harmless(`${topic}/${partition}/${offset}  ${shortTime(time)}  ${what}${signed}`)}\n`);
  if (wrong !== null) await print(`  damaged: ${harmless(wrong)}\n`);
  await print(rowsText(block, some));
  if (some.length < rows.length)
    await print(`  … ${rows.length - some.length} more rows; use --rows to show them\n`);
  return true;
}

function check({ headers, value }: ReadMessage['message']): {
  header: BatchHeader | null;
  fault: string | null;
} {
  try {
    return { header: fromKafka(headers, value).header, fault: null };
  } catch (error) {
    return { header: null, fault: (error as Error).message };
  }
}

const sizeText = ({ rows, length, block_bytes }: BatchHeader): string =>
  `${rows} rows  ${humanBytes(length)}  ${(block_bytes / length).toFixed(1)}:1`;
