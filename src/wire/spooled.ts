import type { Batch, BatchHeader } from './header.ts';

/** A batch as it lies in the spool: length of the header u32, header as JSON, value. */
export function toSpool({ header, value }: Batch): Buffer {
  const json = Buffer.from(JSON.stringify(header));
  const bytes = Buffer.allocUnsafe(4 + json.length + value.length);
  bytes.writeUInt32LE(json.length, 0);
  json.copy(bytes, 4);
  value.copy(bytes, 4 + json.length);
  return bytes;
}

/** `bytes` are whole: the spool checked them. */
export function fromSpool(bytes: Buffer): Batch {
  const end = 4 + bytes.readUInt32LE(0);
  return { header: JSON.parse(bytes.toString('utf8', 4, end)) as BatchHeader, value: bytes.subarray(end) };
}
