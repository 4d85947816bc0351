import { AfterlogError } from '../../base/errors.ts';
import { limits } from '../../base/limits.ts';
import { harmless } from '../../base/text.ts';
import { batchKeyOf } from '../../config/batch_key.ts';
import type { Settings } from '../../config/settings.ts';
import { Signatures } from '../../consume/signatures.ts';
import { type FollowTopic, followTopic } from '../../kafka/follow_topic.ts';
import type { ReadMessage, TopicReader } from '../../kafka/topic_reader.ts';
import { newestSchema } from '../../store/care/migrate.ts';
import { decodeValue } from '../../wire/decode.ts';
import { type Batch, batchId } from '../../wire/header.ts';
import { receivedBatch } from '../../wire/received.ts';
import { SeenBatches } from '../../wire/seen_batches.ts';
import { type FollowedRow, followedJson, followedRows, followedText, isKnown } from '../followed_row.ts';
import { LeftOut } from '../left_out.ts';
import { createLogText, painters } from '../log_text.ts';
import { print } from '../output.ts';

export interface FollowFlags {
  host?: string;
  sandbox?: string;
  json?: boolean;
}

/** What of the topic is followed: see FollowTopic. */
export type FollowedPart = Pick<FollowTopic, 'offsets' | 'isWhole' | 'not_before_ms'>;

/**
 * `afterlog topic --follow`: the rows of the topic as they come, each batch once, until Ctrl-C. No message
 * ends it: one that no consumer would take is told on stderr, counted and left out.
 */
export async function followRows(
  settings: Settings,
  reader: TopicReader,
  part: FollowedPart,
  flags: FollowFlags,
): Promise<void> {
  const batchOf = batchReader(settings);
  const render = createRender(flags);
  const seen = new SeenBatches();
  const leftOut = new LeftOut();
  const follow = { ...part, ...sayers(reader.topic), signal: endAtSignals() };
  console.error(`Following ${reader.topic}; Ctrl-C ends it.`);
  for await (const one of followTopic(reader, follow)) {
    const what = `Message ${one.offset} of ${reader.topic}/${one.partition}`;
    try {
      const batch = batchOf(one);
      if (flags.host !== undefined && flags.host !== batch.header.host) continue;
      if (!seen.add(batch.header)) continue;
      await write(rowsIn(batch, what, flags, leftOut), render, follow.signal);
    } catch (error) {
      if (!(error instanceof AfterlogError)) throw error;
      leftOut.add(what, error);
    }
  }
  leftOut.end();
}

/** @returns the batch of a message; it throws AfterlogError for one that no consumer would take */
function batchReader(settings: Settings): (one: ReadMessage) => Batch {
  // The key of one host, as on the machine of an agent, cannot check the batches of others.
  const isHostKey = settings.kafka.batch_key.map(batchKeyOf).some(({ kind }) => kind === 'host');
  const signatures = isHostKey ? null : new Signatures(settings);
  const schema_known = newestSchema();
  return ({ partition, message, fault }) => {
    if (fault !== null) throw new AfterlogError('BATCH_DAMAGED', `${fault}.`);
    const batch = receivedBatch(message, schema_known, (header) => {
      signatures?.check(header, partition, message);
    });
    if (batch.header.schema > schema_known)
      throw new AfterlogError(
        'BATCH_DAMAGED',
        `Batch ${batchId(batch.header)} is of schema ${batch.header.schema}; this version knows ${schema_known}.`,
      );
    return batch;
  };
}

function* rowsIn(
  batch: Batch,
  what: string,
  { sandbox }: FollowFlags,
  leftOut: LeftOut,
): Generator<FollowedRow> {
  for (const row of followedRows(decodeValue(batch.value))) {
    if (sandbox !== undefined && row.sandbox_id !== sandbox) continue;
    if (isKnown(row)) yield row;
    else
      leftOut.add(
        `A row of ${what}`,
        new AfterlogError('BATCH_DAMAGED', `Its record is '${row.row.record}'.`),
      );
  }
}

function createRender({ json }: FollowFlags): (row: FollowedRow) => string {
  if (json) return followedJson;
  const textOf = createLogText('auto');
  const nameOf = (name: string): string => painters.auto('dim', harmless(name));
  return (row) => followedText(row, textOf, nameOf);
}

/** Waits for a slow reader, with one piece of text in memory. After the signal, no more than this piece. */
async function write(
  rows: Iterable<FollowedRow>,
  render: (row: FollowedRow) => string,
  signal: AbortSignal,
): Promise<void> {
  let text = '';
  for (const row of rows) {
    text += render(row);
    if (text.length < limits.topic.write_chars) continue;
    await print(text);
    text = '';
    if (signal.aborted) return;
  }
  if (text !== '') await print(text);
}

function sayers(topic: string): Pick<FollowTopic, 'onTrouble' | 'onOvertaken'> {
  return {
    onTrouble: (trouble) => {
      if (trouble === null) console.error('Kafka answers again.');
      else console.error(`${harmless(trouble.message)} Retrying. [${trouble.code}]`);
    },
    onOvertaken: (partition, from, to) => {
      console.error(
        `Messages ${from} to ${to - 1} of ${topic}/${partition} were deleted before they were read.`,
      );
    },
  };
}

/** Aborts at Ctrl-C. The end is in order: exit code 0, and no half row for a reader that still reads. */
function endAtSignals(): AbortSignal {
  const stop = new AbortController();
  const end = (): void => {
    if (stop.signal.aborted) process.exit(0);
    stop.abort();
    // The reader may have stopped reading, and the broker may not answer.
    setTimeout(() => process.exit(0), limits.topic.end_ms).unref();
  };
  process.on('SIGINT', end);
  process.on('SIGTERM', end);
  return stop.signal;
}
