/**
 * How a rotator names old files: `.1` (and `.0`), a date, or `.old`; `live` is the log's own name. Within one
 * scheme the names alone say which file is older.
 */
export interface RotationName {
  scheme: 'live' | 'number' | 'date' | 'old';
  /** Ascending from the oldest to the newest of its scheme. */
  rank: string;
}

/**
 * `archive`: a compressed file, which is never content. `strange`: no rotator that we know names a file so.
 */
export type NameKind = RotationName | 'archive' | 'strange';

const COMPRESSED = /\.(?:gz|bz2|xz|zst|lz4|lzma|lzo|br|Z|zip|7z)$/;
const NUMBER = /^\.(0|[1-9]\d{0,5})$/;
/** `-20261129`, `-20261129-1764444444`, `-2026112910`, `.2026-11-29`, `-1764444444`. */
const DATE = /^[-._]\d{4}[-_.]?\d{2}[-_.]?\d{2}(?:[-_.T:]?\d{1,10}){0,4}$/;
const OLD = /^[-._]old$/;

/**
 * Reads the mark that a rotator puts behind a log's name (`console.log-20261129`) or before its extension
 * (`console-20261129.log`).
 * @param file the log's own name
 * @returns null for the name of something else
 */
export function kindOfName(name: string, file: string): NameKind | null {
  if (name === file) return { scheme: 'live', rank: '' };
  const dot = file.lastIndexOf('.');
  const [stem, extension] = [file.slice(0, dot), file.slice(dot)];
  if (!name.startsWith(stem)) return null;
  if (COMPRESSED.test(name)) {
    const of = kindOfName(name.slice(0, name.lastIndexOf('.')), file);
    return of === null ? null : 'archive';
  }
  const isBehind = name.startsWith(file) && '-._'.includes(name.charAt(file.length));
  if (isBehind) return rotationBy(name.slice(file.length)) ?? 'strange';
  return name.endsWith(extension) ? rotationBy(name.slice(dot, -extension.length)) : null;
}

function rotationBy(mark: string): RotationName | null {
  const age = NUMBER.exec(mark)?.[1];
  if (age !== undefined) return { scheme: 'number', rank: String(999_999 - Number(age)).padStart(6, '0') };
  if (DATE.test(mark)) return { scheme: 'date', rank: mark.replace(/\D/g, '') };
  return OLD.test(mark) ? { scheme: 'old', rank: '' } : null;
}
