import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { TestContext } from 'node:test';
import { NOT_RUN } from './attacker.ts';
import { until } from './patience.ts';

const PLAIN_FUSE = resolve(import.meta.dirname, 'plain_fuse.py');

/** The server of a FUSE mount. */
export interface MountServer {
  /** From then on each call below the mount fails with ENOTCONN, until it is unmounted. */
  die(): Promise<void>;
}

/**
 * File systems for one test: unmounted at its end, in a temporary folder `dir` that is removed then. Make it
 * before what uses them. Where the system refuses a mount, the test is skipped and counts as not run:
 * `if (!mounts.tmpfs(path)) return;`. Each path is an absolute one; its folder is made if it is not there.
 */
export class Mounts {
  /** For folders to mount at, and for those behind a bind or a FUSE mount. */
  readonly dir = mkdtempSync(join(tmpdir(), 'afterlog-mounts-'));
  private readonly t: TestContext;
  private readonly mounted: string[] = [];
  private images = 0;

  constructor(t: TestContext) {
    this.t = t;
    t.after(() => {
      while (this.mounted.length > 0) this.unmount(this.mounted.at(-1)!);
      rmSync(this.dir, { recursive: true, force: true });
    });
  }

  /** A folder in `dir`. */
  folder(name: string): string {
    const path = join(this.dir, name);
    mkdirSync(path, { recursive: true });
    return path;
  }

  /** An empty file system in memory. */
  tmpfs(path: string, options = 'size=64m'): boolean {
    return this.mount(path, ['-t', 'tmpfs', '-o', options, 'tmpfs']);
  }

  /** An empty ext4 of its own size. Inodes of 128 bytes keep no birth time, and times in seconds. */
  ext4(path: string, { inode_bytes = 256, bytes = 64 * 1024 * 1024, options = '' } = {}): boolean {
    const image = join(this.dir, `image-${this.images++}`);
    writeFileSync(image, '');
    truncateSync(image, bytes);
    const made = spawnSync('mkfs.ext4', ['-q', '-I', String(inode_bytes), image], { encoding: 'utf8' });
    if (made.status !== 0) return this.refused('mkfs.ext4', made);
    return this.mount(path, ['-o', `loop${options && `,${options}`}`, image]);
  }

  /** The same folder at another path too. */
  bind(from: string, path: string): boolean {
    return this.mount(path, ['--bind', from]);
  }

  /** A folder whose changes go elsewhere, as those of a container's image. @param from stays as it is */
  overlay(from: string, path: string): boolean {
    const [upper, work] = ['upper', 'work'].map((name) => this.folder(`${name}-${this.images}`));
    this.images++;
    return this.mount(path, [
      ...['-t', 'overlay', '-o', `lowerdir=${from},upperdir=${upper},workdir=${work}`, 'overlay'],
    ]);
  }

  /** A FUSE file system that shows a folder with its inode numbers; links work. */
  bindfs(from: string, path: string, options: string[] = []): Promise<MountServer | null> {
    return this.serve(path, 'bindfs', ['-f', ...options, from, path]);
  }

  /** A FUSE file system that shows a folder: there each hard link has an inode number of its own. */
  plainFuse(from: string, path: string, options: string[] = []): Promise<MountServer | null> {
    return this.serve(path, '/usr/bin/python3', [PLAIN_FUSE, from, path, ...options]);
  }

  /** Takes the last mount at this path away, even if it is in use or its server is dead. */
  unmount(path: string): void {
    const at = this.mounted.lastIndexOf(path);
    if (at >= 0) this.mounted.splice(at, 1);
    if (spawnSync('umount', [path]).status !== 0) spawnSync('umount', ['-l', path]);
  }

  private mount(path: string, args: string[]): boolean {
    mkdirSync(path, { recursive: true });
    const done = spawnSync('mount', [...args, path], { encoding: 'utf8' });
    if (done.status !== 0) return this.refused(`mount ${args.join(' ')}`, done);
    this.mounted.push(path);
    return true;
  }

  private async serve(path: string, program: string, args: string[]): Promise<MountServer | null> {
    mkdirSync(path, { recursive: true });
    const before = mountsAt(path);
    const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'pipe'] });
    let stderr = '';
    let isOver = false;
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    const over = new Promise<void>((done) => {
      child.on('error', (error) => {
        stderr += error.message;
        done();
      });
      child.on('close', () => done());
    }).then(() => {
      isOver = true;
    });
    await until(() => isOver || mountsAt(path) > before, `${program} mounts ${path}`);
    if (isOver) {
      this.refused(program, { stderr });
      return null;
    }
    this.mounted.push(path);
    const die = async (): Promise<void> => {
      child.kill('SIGKILL');
      await over;
    };
    this.t.after(die);
    return { die };
  }

  private refused(what: string, { stderr, error }: { stderr?: string | null; error?: Error }): false {
    // A program's last words say why, as in a traceback of Python.
    const why = stderr?.trim().split('\n').at(-1) || (error?.message ?? 'nothing says why');
    this.t.skip(`${NOT_RUN}${what} is refused: ${why}`);
    return false;
  }
}

/** How many mounts lie at this path, one over the other. */
function mountsAt(path: string): number {
  const lines = readFileSync('/proc/self/mountinfo', 'utf8').split('\n');
  return lines.filter((line) => line.split(' ')[4] === path).length;
}
