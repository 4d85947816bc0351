import {
  closeSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';

/** Counts of the bytes written to one log of a sandbox, including rotated and truncated files. */
export interface Written {
  bytes: number;
  lines: number;
  /** CRC-32 of all bytes in the order they were written. */
  crc32: number;
}
export type Log = 'console' | 'events' | 'firecracker';

/** The three logs of one sandbox, written like the runtime writes them. */
export interface SandboxFiles {
  readonly written: Record<Log, Written>;
  rotations: number;
  console(bytes: Buffer): void;
  event(text: string): void;
  vmm(text: string): void;
  /** Copies console.log and truncates it; the writer keeps its offset, so the next write leaves a hole. */
  copyTruncate(): void;
  /** Opens console.log again with O_TRUNC, as a wake from hibernation does. */
  wake(): void;
  close(): void;
  /** Closes the files and deletes the folder. */
  remove(): void;
}

const generations = 3;
const nothing = (): Written => ({ bytes: 0, lines: 0, crc32: 0 });

/**
 * @param rotate_bytes size at which console.log becomes console.log.1
 * @param label contents of sandbox.json, which the agent reads
 */
export function createSandboxFiles(dir: string, rotate_bytes: number, label: object = {}): SandboxFiles {
  mkdirSync(dir, { recursive: true });
  writeFileSync(join(dir, 'sandbox.json'), `${JSON.stringify(label)}\n`);
  const path = join(dir, 'console.log');
  // 'w' is O_CREAT|O_WRONLY|O_TRUNC without O_APPEND.
  let console_fd = openSync(path, 'w');
  let offset = 0;
  const events_fd = openSync(join(dir, 'events.jsonl'), 'a');
  const vmm_fd = openSync(join(dir, 'firecracker.log'), 'a');
  let open = true;

  const put = (log: Log, fd: number, bytes: Buffer): void => {
    for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at);
    const written = files.written[log];
    written.bytes += bytes.length;
    written.crc32 = crc32(bytes, written.crc32);
    for (let at = bytes.indexOf(10); at !== -1; at = bytes.indexOf(10, at + 1)) written.lines++;
  };
  const shiftChain = (): void => {
    for (let number = generations; number > 1; number--) {
      const from = `${path}.${number - 1}`;
      if (existsSync(from)) renameSync(from, `${path}.${number}`);
    }
    files.rotations++;
  };
  const reopen = (): void => {
    closeSync(console_fd);
    console_fd = openSync(path, 'w');
    offset = 0;
  };

  const files: SandboxFiles = {
    written: { console: nothing(), events: nothing(), firecracker: nothing() },
    rotations: 0,
    console: (bytes) => {
      if (offset >= rotate_bytes) {
        shiftChain();
        renameSync(path, `${path}.1`);
        reopen();
      }
      put('console', console_fd, bytes);
      offset += bytes.length;
    },
    event: (text) => put('events', events_fd, Buffer.from(text)),
    vmm: (text) => put('firecracker', vmm_fd, Buffer.from(text)),
    copyTruncate: () => {
      shiftChain();
      copyFileSync(path, `${path}.1`);
      truncateSync(path);
    },
    wake: reopen,
    close: () => {
      if (!open) return;
      open = false;
      for (const fd of [console_fd, events_fd, vmm_fd]) closeSync(fd);
    },
    remove: () => {
      files.close();
      rmSync(dir, { recursive: true, force: true });
    },
  };
  return files;
}
