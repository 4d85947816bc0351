import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { entryKind, HEAD_BYTES } from '../../src/spool/entry.ts';
import { listSegments, SegmentReader, segmentPath } from '../../src/spool/segment.ts';
import { decodeValue } from '../../src/wire/decode.ts';
import { fromSpool } from '../../src/wire/spooled.ts';
import { rowsOfBlock, type SpoolRow } from './spool_rows.ts';

export interface SpooledEntry {
  segment: number;
  offset: number;
  end: number;
  kind: number;
  rows: SpoolRow[];
  state: Record<string, unknown>;
}

/** All intact entries of a spool; none if it does not exist yet. */
export function entriesOf(dir: string): SpooledEntry[] {
  if (!existsSync(dir)) return [];
  return listSegments(dir).flatMap((segment) => {
    const reader = new SegmentReader(dir, segment);
    const entries: SpooledEntry[] = [];
    for (let entry = reader.next(); entry !== null; entry = reader.next()) {
      if (entry.state === null) continue;
      entries.push({
        ...{ segment, offset: entry.offset, end: reader.offset, kind: entry.head.kind },
        rows: entry.payload!.length > 0 ? rowsOfBlock(decodeValue(fromSpool(entry.payload!).value)) : [],
        state: JSON.parse(entry.state.toString()) as Record<string, unknown>,
      });
    }
    reader.close();
    return entries;
  });
}

/** The batches with rows for which `isWanted` is true. */
export const batchesWith = (dir: string, isWanted: (row: SpoolRow) => boolean): SpooledEntry[] =>
  entriesOf(dir).filter(({ kind, rows }) => kind === entryKind.batch && rows.some(isWanted));

/** Flips one bit of an entry, in its head or in the middle of its body. */
export function damage(dir: string, entry: SpooledEntry, where: 'head' | 'body' = 'body'): void {
  const path = segmentPath(dir, entry.segment);
  const bytes = readFileSync(path);
  const at = where === 'head' ? entry.offset + 8 : (entry.offset + HEAD_BYTES + entry.end) >> 1;
  bytes[at]! ^= 1;
  writeFileSync(path, bytes);
}
