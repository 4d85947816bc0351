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
import { followRows } from './follow_topic.ts';

export interface TopicOptions {
  partition?: number;
  offset?: number;
  last?: number;
  /** ns since 1970. */
  since?: bigint;
  follow?: boolean;
  host?: string;
  sandbox?: string;
  rows?: number;
  json?: boolean;
}

/**
 * `afterlog topic`: the batches of the topic with their rows, or with --follow its rows as they come. Reads
 * without a consumer group.
 * @throws AfterlogError TOPIC_MISSING, KAFKA_UNREACHABLE, USAGE, SETTING_INVALID
 */
export async function topic(settings: Settings, options: TopicOptions): Promise<void> {
  requireBrokers(settings);
  const began_ms = Date.now();
  const reader = await TopicReader.open(createKafka(settings), settings.kafka.topic);
  try {
    const ends = await chosen(reader, options.partition);
    const isFiltered = options.host !== undefined || options.sandbox !== undefined;
    const some = isFiltered ? limits.topic.filtered_default : limits.topic.last_default;
    const last = options.last ?? (options.follow ? 0 : some);
    const offsets = await firstOffsets(reader, ends, options, last);
    if (options.follow) {
      const isFromEnd = ends.every(({ partition, high }) => offsets.get(partition) === high);
      const part = {
        offsets,
        isWhole: options.partition === undefined,
        not_before_ms: isFromEnd ? began_ms : 0,
      };
      return await followRows(settings, reader, part, options);
    }
    let shown = 0;
    for (const { partition, high } of ends) {
      for await (const one of reader.read(partition, offsets.get(partition)!, high)) {
        if (await show(reader.topic, one, options)) shown++;
      }
    }
    if (shown === 0) console.error(nothingText(reader.topic, ends, options, last));
  } finally {
    await reader.close();
  }
}

/** Partition → offset of the first message to read. */
async function firstOffsets(
  reader: TopicReader,
  ends: PartitionEnds[],
  { offset, since }: TopicOptions,
  last: number,
): Promise<Map<number, number>> {
  const found = since === undefined ? null : await reader.since(Number(since / 1_000_000n));
  return new Map(
    ends.map(({ partition, low, high }) => {
      const from = found?.get(partition) ?? offset ?? high - last;
      return [partition, Math.min(Math.max(low, from), high)];
    }),
  );
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
  if (
    options.offset !== undefined ||
    options.since !== undefined ||
    ends.every(({ low, high }) => low === high)
  )
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
