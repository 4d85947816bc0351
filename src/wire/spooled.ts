import type { Batch, BatchHeader } from './header.ts';

/** A batch in the spool: length of the header as u32, header as JSON, value. */
export function toSpool({ header, value }: Batch): Buffer {
  const json = Buffer.from(JSON.stringify(header));
  const bytes = Buffer.allocUnsafe(4 + json.length + value.length);
  bytes.writeUInt32LE(json.length, 0);
  json.copy(bytes, 4);
  value.copy(bytes, 4 + json.length);
  return bytes;
}

/** @param bytes whole: the spool has checked them */
export function fromSpool(bytes: Buffer): Batch {
  const end = 4 + bytes.readUInt32LE(0);
  return { header: JSON.parse(bytes.toString('utf8', 4, end)) as BatchHeader, value: bytes.subarray(end) };
}
