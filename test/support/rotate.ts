import {
  closeSync,
  copyFileSync,
  existsSync,
  ftruncateSync,
  openSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';

/**
 * Renames every file of the chain to the next number and creates an empty live file; keeps `keep` old files.
 */
export function rotate(path: string, keep = 3): void {
  rmSync(`${path}.${keep}`, { force: true });
  for (let age = keep - 1; age >= 1; age--) {
    if (existsSync(`${path}.${age}`)) renameSync(`${path}.${age}`, `${path}.${age + 1}`);
  }
  renameSync(path, `${path}.1`);
  writeFileSync(path, '');
}

/** logrotate's copytruncate. */
export function copyTruncate(path: string, keep = 3): void {
  rmSync(`${path}.${keep}`, { force: true });
  for (let age = keep - 1; age >= 1; age--) {
    if (existsSync(`${path}.${age}`)) renameSync(`${path}.${age}`, `${path}.${age + 1}`);
  }
  copyFileSync(path, `${path}.1`);
  truncateSync(path, 0);
}

/** A writer that keeps its descriptor and its offset, without O_APPEND, like the runtime. */
export class OffsetWriter {
  private readonly fd: number;

  constructor(path: string) {
    this.fd = openSync(path, 'w');
  }

  write(bytes: Buffer | string): void {
    writeSync(this.fd, Buffer.from(bytes));
  }

  truncate(): void {
    ftruncateSync(this.fd, 0);
  }

  close(): void {
    closeSync(this.fd);
  }
}
