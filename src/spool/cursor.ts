import { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { crashPoint } from '../base/crash_point.ts';
import { AfterlogError } from '../base/errors.ts';
import { report, Trouble, unwritable } from '../base/faults.ts';
import { FORMAT } from './entry.ts';
import { syncFolder } from './folder.ts';

/** A place in the spool: a segment's number and an offset in it. */
export interface Cursor {
  segment: number;
  offset: number;
}

export const placeKey = ({ segment, offset }: Cursor): string => `${segment}/${offset}`;
export const isBefore = (a: Cursor, b: Cursor): boolean =>
  a.segment < b.segment || (a.segment === b.segment && a.offset < b.offset);

/** Where an epoch's batches go; bound at its first send and never changed. */
export interface Binding {
  topic: string;
  partition: number;
}

const BINDINGS_MAX = 1_000;

/**
 * How far the spool is delivered, and where each epoch's batches go, in `cursor.json`. The place may be behind
 * after a crash: what is sent twice is skipped at the farther end. A binding must not be lost, so it is synced.
 */
export class CursorFile {
  at: Cursor = { segment: 0, offset: 0 };
  readonly bindings = new Map<number, Binding>();
  private readonly dir: string;
  private readonly path: string;
  private timer: NodeJS.Timeout | null = null;
  private readonly trouble: Trouble;

  /** @throws AfterlogError SPOOL_FORMAT: a newer agent wrote it */
  constructor(dir: string) {
    this.dir = dir;
    this.path = join(dir, 'cursor.json');
    this.trouble = new Trouble(`${this.path} is saved again.`);
    try {
      const saved = JSON.parse(readFileSync(this.path, 'utf8')) as {
        /** Absent before there was another one. */
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
        const what = `${this.path} is unreadable; sending again from the oldest entry (nothing is stored twice).`;
        report(new AfterlogError('SPOOL_DAMAGED', what), { path: this.path });
      }
    }
  }

  /** @throws if it cannot be saved; then it is not bound: after a crash it could be bound to another place */
  bind(epoch: number, binding: Binding): void {
    this.bindings.set(epoch, binding);
    try {
      this.save();
    } catch (error) {
      this.bindings.delete(epoch);
      throw error;
    }
    // One comes with each start; the oldest are of batches that were delivered long ago.
    if (this.bindings.size > BINDINGS_MAX) this.bindings.delete(this.bindings.keys().next().value!);
  }

  saveSoon(): void {
    this.timer ??= setTimeout(() => {
      try {
        this.save();
        this.trouble.ends();
      } catch (error) {
        // A full disk, mostly. The place on disk is behind then, which costs a repeated send at worst.
        this.trouble.begins(unwritable(`${this.path} cannot be saved now`, error));
        this.saveSoon();
      }
    }, 1_000).unref();
  }

  save(): void {
    if (this.timer) clearTimeout(this.timer);
    this.timer = null;
    const fd = openSync(`${this.path}.new`, 'w');
    try {
      writeFileSync(fd, JSON.stringify({ format: FORMAT, at: this.at, bindings: [...this.bindings] }));
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    crashPoint('cursor.written');
    renameSync(`${this.path}.new`, this.path);
    syncFolder(this.dir);
    crashPoint('cursor.saved');
  }
}

export const wrongFormat = (path: string, format: number): AfterlogError =>
  new AfterlogError(
    'SPOOL_FORMAT',
    `${path} is of spool format ${format}, this afterlog knows format ${FORMAT}.`,
  );
