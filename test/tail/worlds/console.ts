import {
  closeSync,
  constants,
  copyFileSync,
  existsSync,
  openSync,
  renameSync,
  truncateSync,
  writeSync,
} from 'node:fs';

/** How a program opens the file of its console. */
export const writers = {
  /** Each write goes to the end of the file. */
  append: constants.O_APPEND,
  /** Empties the file at each start, and keeps its own offset: most virtual machine monitors. */
  truncate: constants.O_TRUNC,
  /** Neither: a restart writes over the old content, as Firecracker does. */
  'create only': 0,
} as const;

export type WriterKind = keyof typeof writers;

export const rotators = ['none', 'rename', 'copy and truncate'] as const;

export type Rotator = (typeof rotators)[number];

/** One console: written by one kind of writer, rotated in one way, with a ledger of its streams. */
export class Console {
  /** The bytes of each stream. */
  readonly streams: Buffer[] = [Buffer.alloc(0)];
  private readonly path: string;
  private readonly kind: WriterKind;
  private fd = -1;
  private files = 0;
  private lines = 0;

  constructor(path: string, kind: WriterKind) {
    this.path = path;
    this.kind = kind;
    this.open();
  }

  private open(): void {
    this.fd = openSync(this.path, constants.O_CREAT | constants.O_WRONLY | writers[this.kind], 0o644);
  }

  /** Writes whole lines, of which each is unlike any other. */
  write(count: number): void {
    const lines = Array.from(
      { length: count },
      () => `line ${this.lines++} of a console that is long enough\n`,
    );
    const bytes = Buffer.from(lines.join(''));
    writeSync(this.fd, bytes);
    this.streams.push(Buffer.concat([this.streams.pop()!, bytes]));
  }

  /** The program ends, and starts again: a file that it does not append to holds another stream then. */
  restart(): void {
    closeSync(this.fd);
    this.open();
    if (this.kind !== 'append') this.streams.push(Buffer.alloc(0));
  }

  rotate(how: Rotator): void {
    if (how === 'none') return;
    for (let age = this.files; age >= 1; age--) {
      if (existsSync(`${this.path}.${age}`)) renameSync(`${this.path}.${age}`, `${this.path}.${age + 1}`);
    }
    this.files++;
    if (how === 'rename') {
      renameSync(this.path, `${this.path}.1`);
      closeSync(this.fd);
      this.open();
    } else {
      copyFileSync(this.path, `${this.path}.1`);
      truncateSync(this.path, 0);
    }
  }

  close(): void {
    closeSync(this.fd);
  }
}
