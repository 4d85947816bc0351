import { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { crashPoint } from '../base/crash_point.ts';
import { AfterlogError } from '../base/errors.ts';
import { report, Trouble, unwritable } from '../base/faults.ts';
import { OWN_FILE, syncPath } from '../base/own_files.ts';
import { FORMAT } from './entry.ts';
import { isDiskFull, type Reserve } from './reserve.ts';

/** A place in the spool: the number of a segment and an offset in its file, in bytes. */
export interface Cursor {
  segment: number;
  offset: number;
}

export const placeKey = ({ segment, offset }: Cursor): string => `${segment}/${offset}`;
export const isBefore = (a: Cursor, b: Cursor): boolean =>
  a.segment < b.segment || (a.segment === b.segment && a.offset < b.offset);

/** The topic and partition of an epoch's batches, fixed at the epoch's first send. */
export interface Binding {
  topic: string;
  partition: number;
}

const BINDINGS_MAX = 1_000;

/**
 * `cursor.json`: the place up to which the spool is delivered, and the binding of each epoch. After a crash
 * the place may be too old; then batches are sent again, and the consumer skips them. A binding must not be
 * lost, so it is synced.
 */
export class CursorFile {
  at: Cursor = { segment: 0, offset: 0 };
  readonly bindings = new Map<number, Binding>();
  private readonly dir: string;
  private readonly path: string;
  private timer: NodeJS.Timeout | null = null;
  private readonly trouble: Trouble;

  private readonly reserve: Reserve | null;

  /** @throws AfterlogError SPOOL_FORMAT if a newer agent wrote the file */
  constructor(dir: string, reserve: Reserve | null = null) {
    this.dir = dir;
    this.reserve = reserve;
    this.path = join(dir, 'cursor.json');
    this.trouble = new Trouble(`${this.path} is saved again.`);
    try {
      const saved = JSON.parse(readFileSync(this.path, 'utf8')) as {
        /** Files of the first agents lack it. */
        format?: number;
        at: Cursor;
        bindings: [number, Binding][];
      };
      const { format = FORMAT, at, bindings } = saved;
      if (format > FORMAT) throw wrongFormat(this.path, format);
      if (!Number.isSafeInteger(at.segment) || !Number.isSafeInteger(at.offset))
        throw new TypeError('no place');
      this.bindings = new Map(bindings);
      this.at = { segment: at.segment, offset: at.offset };
    } catch (error) {
      if (error instanceof AfterlogError) throw error;
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') {
        const what = `${this.path} is unreadable; batches are sent again from the oldest entry (and stored once).`;
        report(new AfterlogError('SPOOL_DAMAGED', what), { path: this.path });
      }
    }
  }

  /**
   * @throws if the file cannot be saved; then the epoch is not bound, because a crash would lose the binding
   */
  bind(epoch: number, binding: Binding): void {
    this.bindings.set(epoch, binding);
    try {
      this.save();
    } catch (error) {
      this.bindings.delete(epoch);
      throw error;
    }
    // Each start of the agent adds a binding; the oldest ones belong to batches that were delivered long ago.
    if (this.bindings.size > BINDINGS_MAX) this.bindings.delete(this.bindings.keys().next().value!);
  }

  saveSoon(): void {
    this.timer ??= setTimeout(() => {
      try {
        this.save();
        this.trouble.ends();
      } catch (error) {
        // Usually the disk is full. An old place on disk at worst causes batches to be sent again.
        this.trouble.begins(unwritable(`${this.path} cannot be saved now`, error));
        this.saveSoon();
      }
    }, 1_000).unref();
  }

  /** On a full disk the reserve pays: nothing can be delivered or deleted without a saved place. */
  save(): void {
    if (this.timer) clearTimeout(this.timer);
    this.timer = null;
    try {
      this.saveNow();
    } catch (error) {
      if (!isDiskFull(error) || !this.reserve?.take()) throw error;
      this.saveNow();
    }
  }

  private saveNow(): void {
    const fd = openSync(`${this.path}.new`, 'w', OWN_FILE);
    try {
      writeFileSync(fd, JSON.stringify({ format: FORMAT, at: this.at, bindings: [...this.bindings] }));
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    crashPoint('cursor.written');
    renameSync(`${this.path}.new`, this.path);
    syncPath(this.dir);
    crashPoint('cursor.saved');
  }
}

export const wrongFormat = (path: string, format: number): AfterlogError =>
  new AfterlogError(
    'SPOOL_FORMAT',
    `${path} has spool format ${format}; this version of afterlog supports format ${FORMAT}.`,
  );
