import { readdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { crc32 } from 'node:zlib';
import { AfterlogError, reasonOf } from '../base/errors.ts';
import { OWN_FILE, syncPath } from '../base/own_files.ts';
import { toKafkaHeaders } from '../wire/header.ts';
import { fromSpool } from '../wire/spooled.ts';
import { type Letter, letterOf } from './letter.ts';

/** The name of a file that deliver/set_aside.ts made. */
const NAME = /^(.+)-(\d+)-(\d+)\.batch$/;

/** Ids of the batches in a `refused/` folder, newest first. @throws AfterlogError FILE_UNREADABLE */
export function refusedIds(dir: string): string[] {
  return listed(dir)
    .filter((name) => NAME.test(name))
    .map((name) => ({ id: name.replace(NAME, '$1/$2/$3'), at_ms: changed(join(dir, name)) }))
    .sort((a, b) => b.at_ms - a.at_ms)
    .map(({ id }) => id);
}

/** @returns null if there is no batch with this id; @throws AfterlogError FILE_UNREADABLE */
export function refusedLetter(dir: string, id: string): Letter | null {
  const path = join(dir, `${id.replaceAll('/', '-')}.batch`);
  const bytes = contentOf(path);
  if (bytes === null) return null;
  const reason = contentOf(path.replace(/batch$/, 'reason'))
    ?.toString()
    .trim();
  const kept = { id, path, at_ms: changed(path), reason, dismissed_ms: dismissedAt(path, bytes) };
  try {
    const { header, value } = fromSpool(bytes);
    return letterOf({ ...kept, headers: toKafkaHeaders(header), value });
  } catch {
    // Not as it was written: show its bytes.
    return letterOf({ ...kept, headers: {}, value: bytes });
  }
}

/**
 * Dismisses the batch in a file, by a file beside it that survives a power loss.
 * @throws AfterlogError FILE_UNREADABLE, STATE_DIR_UNUSABLE
 */
export function dismissRefused(path: string): void {
  const bytes = contentOf(path);
  if (bytes === null) return;
  const mark = markOf(path);
  try {
    writeFileSync(`${mark}.new`, `${contentId(bytes)}\n`, { flush: true, mode: OWN_FILE });
    renameSync(`${mark}.new`, mark);
    syncPath(dirname(mark));
  } catch (error) {
    throw new AfterlogError('STATE_DIR_UNUSABLE', `Cannot write ${mark}: ${reasonOf(error)}.`, error);
  }
}

/** A file that was written again with another content is not dismissed. */
function dismissedAt(path: string, bytes: Buffer): number | null {
  const mark = markOf(path);
  return contentOf(mark)?.toString().trim() === contentId(bytes) ? changed(mark) : null;
}

const markOf = (path: string): string => path.replace(/batch$/, 'dismissed');
const contentId = (bytes: Buffer): string => `${bytes.length} bytes, CRC-32 ${crc32(bytes)}`;

const listed = (dir: string): string[] => unlessMissing(dir, () => readdirSync(dir)) ?? [];
const contentOf = (path: string): Buffer | null => unlessMissing(path, () => readFileSync(path));
const changed = (path: string): number => unlessMissing(path, () => statSync(path).mtimeMs) ?? 0;

function unlessMissing<T>(path: string, read: () => T): T | null {
  try {
    return read();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw new AfterlogError('FILE_UNREADABLE', `Cannot read ${path}: ${reasonOf(error)}.`, error);
  }
}
