import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { dirname, join, relative } from 'node:path';

/** File operations of a program, in order. Paths are relative to the recorded folder. */
export type Step =
  | { what: 'create'; path: string; file: number }
  | { what: 'mkdir'; path: string }
  | { what: 'write'; file: number; at: number; bytes: Buffer }
  | { what: 'truncate'; file: number; size: number }
  | { what: 'sync'; file: number }
  | { what: 'rename'; from: string; to: string }
  | { what: 'unlink'; path: string }
  | { what: 'sync folder'; path: string }
  /** Not an operation: a durability promise at this point. */
  | { what: 'promise'; promise: object };

const names = [
  ...['openSync', 'closeSync', 'writeSync', 'writeFileSync', 'ftruncateSync', 'fsyncSync', 'fdatasync'],
  ...['renameSync', 'unlinkSync', 'mkdirSync'],
] as const;

/**
 * Records this process's operations on files below `root`, by replacing functions of node:fs (named imports
 * follow). `stop` ends the recording.
 */
export function recordDisk(root: string): { steps: Step[]; stop: () => void } {
  const steps: Step[] = [];
  const real = Object.fromEntries(names.map((name) => [name, fs[name]])) as Pick<
    typeof fs,
    (typeof names)[number]
  >;
  /** By descriptor, the number of the file or the path of the folder. */
  const open = new Map<number, number | string>();
  const files = new Map<string, number>();
  let count = 0;
  const inside = (path: fs.PathLike): string | null => {
    const at = relative(root, String(path));
    return at.startsWith('..') ? null : at;
  };
  const fileOf = (fd: unknown): number | null => {
    const file = open.get(fd as number);
    return typeof file === 'number' ? file : null;
  };
  const synced = (fd: number): void => {
    const file = open.get(fd);
    if (typeof file === 'number') steps.push({ what: 'sync', file });
    else if (file !== undefined) steps.push({ what: 'sync folder', path: file });
  };
  const wrapped = {
    openSync(path: fs.PathLike, flags: string, ...rest: []) {
      const isNew = !fs.existsSync(path);
      const fd = real.openSync(path, flags, ...rest);
      const at = inside(path);
      if (at === null) return fd;
      if (fs.fstatSync(fd).isDirectory()) open.set(fd, at);
      else {
        if (isNew) files.set(at, count++);
        const file = files.get(at)!;
        if (isNew) steps.push({ what: 'create', path: at, file });
        else if (flags.startsWith('w')) steps.push({ what: 'truncate', file, size: 0 });
        open.set(fd, file);
      }
      return fd;
    },
    closeSync(fd: number) {
      open.delete(fd);
      real.closeSync(fd);
    },
    writeSync(fd: number, bytes: Buffer, offset: number, length: number, position: number) {
      const written = real.writeSync(fd, bytes, offset, length, position);
      const file = fileOf(fd);
      const some = Buffer.from(bytes.subarray(offset, offset + written));
      if (file !== null) steps.push({ what: 'write', file, at: position, bytes: some });
      return written;
    },
    writeFileSync(fd: number, text: string) {
      real.writeFileSync(fd, text);
      const file = fileOf(fd);
      if (file !== null) steps.push({ what: 'write', file, at: 0, bytes: Buffer.from(text) });
    },
    ftruncateSync(fd: number, size: number) {
      real.ftruncateSync(fd, size);
      const file = fileOf(fd);
      if (file !== null) steps.push({ what: 'truncate', file, size });
    },
    fsyncSync(fd: number) {
      real.fsyncSync(fd);
      synced(fd);
    },
    fdatasync(fd: number, done: fs.NoParamCallback) {
      real.fdatasync(fd, (error) => {
        if (!error) synced(fd);
        done(error);
      });
    },
    renameSync(from: fs.PathLike, to: fs.PathLike) {
      real.renameSync(from, to);
      const [a, b] = [inside(from), inside(to)];
      if (a === null || b === null) return;
      files.set(b, files.get(a)!);
      files.delete(a);
      steps.push({ what: 'rename', from: a, to: b });
    },
    unlinkSync(path: fs.PathLike) {
      real.unlinkSync(path);
      const at = inside(path);
      if (at === null) return;
      files.delete(at);
      steps.push({ what: 'unlink', path: at });
    },
    mkdirSync(path: fs.PathLike, options?: fs.MakeDirectoryOptions) {
      const made: string[] = [];
      for (let at = String(path); inside(at) !== null && !fs.existsSync(at); at = dirname(at))
        made.unshift(at);
      real.mkdirSync(path, options);
      for (const one of made) steps.push({ what: 'mkdir', path: inside(one)! });
      return made[0];
    },
  };
  Object.assign(fs, wrapped);
  syncBuiltinESMExports();
  return {
    steps,
    stop() {
      Object.assign(fs, real);
      syncBuiltinESMExports();
    },
  };
}

type Change = { applies: (image: Image) => void };

/** The contents of a folder on a disk. */
class Image {
  readonly names = new Map<string, number>();
  readonly folders = new Set<string>(['']);
  readonly contents = new Map<number, Buffer>();

  content(file: number): Buffer {
    return this.contents.get(file) ?? Buffer.alloc(0);
  }

  /** Writes the contents to `dir`, without files whose folder never became durable. */
  writeTo(dir: string): void {
    for (const folder of this.folders) {
      const parents = folder.split('/').map((_, at, all) => all.slice(0, at).join('/'));
      if (parents.every((parent) => this.folders.has(parent)))
        fs.mkdirSync(join(dir, folder), { recursive: true });
    }
    for (const [path, file] of this.names) {
      const parent = join(dir, dirname(path));
      if (fs.existsSync(parent)) fs.writeFileSync(join(dir, path), this.content(file));
    }
  }
}

/**
 * A possible state of the disk after a power loss behind the first `count` steps: all synced changes, and
 * each other change that `keeps` selects. A write may be kept in part; a file may have its new size, but NULs
 * as content. A change of a folder is durable when the folder is synced.
 */
export function afterPowerLoss(steps: Step[], count: number, keeps: (length: number) => number): Image {
  const image = new Image();
  /** Changes that are not durable, by the number of the file or the path of the folder. */
  const pending = new Map<number | string, Change[]>();
  const later = (owner: number | string, applies: Change['applies']): void => {
    pending.set(owner, [...(pending.get(owner) ?? []), { applies }]);
  };
  const sync = (owner: number | string): void => {
    for (const { applies } of pending.get(owner) ?? []) applies(image);
    pending.delete(owner);
  };
  const folderOf = (path: string): string => (dirname(path) === '.' ? '' : dirname(path));
  for (const step of steps.slice(0, count)) {
    if (step.what === 'create') later(folderOf(step.path), ({ names }) => names.set(step.path, step.file));
    else if (step.what === 'mkdir') later(folderOf(step.path), ({ folders }) => folders.add(step.path));
    else if (step.what === 'unlink') later(folderOf(step.path), ({ names }) => names.delete(step.path));
    else if (step.what === 'rename') {
      later(folderOf(step.to), ({ names }) => {
        const file = names.get(step.from);
        names.delete(step.from);
        if (file !== undefined) names.set(step.to, file);
      });
    } else if (step.what === 'write') {
      const write = (length: number) => (image: Image) => {
        const old = image.content(step.file);
        const bytes = Buffer.alloc(Math.max(old.length, step.at + step.bytes.length));
        old.copy(bytes);
        step.bytes.copy(bytes, step.at, 0, length);
        image.contents.set(step.file, bytes);
      };
      later(step.file, write(step.bytes.length));
      Object.assign(pending.get(step.file)!.at(-1)!, { length: step.bytes.length, cut: write });
    } else if (step.what === 'truncate') {
      later(step.file, (image) => {
        const bytes = Buffer.alloc(step.size);
        image.content(step.file).copy(bytes);
        image.contents.set(step.file, bytes);
      });
    } else if (step.what === 'sync') sync(step.file);
    else if (step.what === 'sync folder') sync(step.path);
  }
  for (const changes of pending.values()) {
    for (const change of changes as (Change & {
      length?: number;
      cut?: (kept: number) => Change['applies'];
    })[]) {
      const { length = 1, cut } = change;
      const kept = keeps(length);
      if (kept >= length) change.applies(image);
      else if (kept > 0) cut!(kept)(image);
    }
  }
  return image;
}
