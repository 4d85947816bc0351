import { zstdDecompressSync } from 'node:zlib';
import { limits } from '../base/limits.ts';
import { checkBlock } from './check_block.ts';
import {
  type Batch,
  type BatchHeader,
  damaged,
  dayText,
  fromKafka,
  type MessageHeaders,
  today,
} from './header.ts';
import { readFrameHeader } from './zstd_frame.ts';

/** A message of the topic, or a letter that keeps one. */
export interface Received {
  /** undefined: it never was in Kafka, so nobody else can have sent it. */
  key?: Buffer | null | undefined;
  headers?: MessageHeaders | undefined;
  value: Buffer | null;
}

/**
 * The one place where a message from outside becomes a batch, or an error with the reason to set it aside.
 * Anybody who may produce may have sent it. So first its sizes are checked, then that the host of its header
 * is its key, then that its rows are those of its header. A block of a schema that this version does not know
 * cannot be checked; it must not be inserted.
 * @param schema_known the newest schema of this version
 * @param checkSender throws if another host may have sent it; called before anything is unpacked
 * @throws AfterlogError BATCH_DAMAGED; what `checkSender` throws
 */
export function receivedBatch(
  message: Received,
  schema_known: number,
  checkSender: (header: BatchHeader) => void = () => {},
): Batch {
  const batch = fromKafka(message.headers, message.value);
  const { header } = batch;
  const { key } = message;
  if (key !== undefined && key?.toString() !== header.host)
    throw damaged(`its header is of host '${header.host}', its key is '${key ?? ''}'`);
  checkSender(header);
  checkSizes(batch);
  if (header.schema <= schema_known) checkContent(batch);
  return batch;
}

/** What can be checked before anything is unpacked. */
function checkSizes({ header, value }: Batch): void {
  const { rows, block_bytes, ingest_day } = header;
  const { taken_bytes_max, taken_rows_max, window_bytes_max, days_off_max } = limits.batch;
  if (Math.abs(ingest_day - today()) > days_off_max)
    throw damaged(
      `its day ${dayText(ingest_day)} is over ${days_off_max} days away; check the clock of its host`,
    );
  if (rows < 1 || rows > taken_rows_max) throw damaged(`${rows} rows; a batch has 1 to ${taken_rows_max}`);
  if (block_bytes > taken_bytes_max)
    throw damaged(`a block of ${block_bytes} bytes; a batch has at most ${taken_bytes_max}`);
  const frame = readFrameHeader(value);
  if (typeof frame === 'string') throw damaged(frame);
  if (frame.content_bytes !== block_bytes)
    throw damaged(`its frame declares ${frame.content_bytes ?? 'no'} bytes, its header ${block_bytes}`);
  if (frame.window_bytes > window_bytes_max) throw damaged(`its frame has a window of ${frame.window_bytes}`);
  if (frame.hasDictionary) throw damaged('its frame has a dictionary');
}

/**
 * The whole block is unpacked, although the columns that matter are its first: only its end shows that no
 * second block follows it, which ClickHouse would read, too.
 */
function checkContent({ header, value }: Batch): void {
  const fault = checkBlock(unpacked(header, value), header);
  if (fault !== null) throw damaged(fault);
}

function unpacked({ block_bytes }: BatchHeader, value: Buffer): Buffer {
  try {
    // One chunk of the right size: more of them would be joined by a copy.
    return zstdDecompressSync(value, {
      chunkSize: Math.max(64, block_bytes + 1),
      maxOutputLength: block_bytes,
    });
  } catch (error) {
    throw damaged(`it does not unpack: ${(error as Error).message}`);
  }
}
