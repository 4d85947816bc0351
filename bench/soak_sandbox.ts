import {
  closeSync,
  constants,
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

/** Number of rotated files that the runtime keeps. */
const KEPT = 3;
const NEW_LINE = 10;
/** Longer than a line may be, and no multiple of a block. */
const SPACE_BYTES = 100_000;
/** All consoles start with the same lines, because every sandbox boots the same kernel. */
const BOOT = '[    0.000000] Linux version 6.1.0\r\n'.repeat(20);

/** The expected contents of one log: the bytes of each of its streams, in order. */
export interface Expected {
  id: string;
  log: string;
  streams: Buffer[];
}

/** Ledger of the bytes written to one log, by stream. */
class Ledger {
  private readonly streams: Buffer[][] = [[]];

  add(bytes: Buffer): void {
    this.streams.at(-1)!.push(bytes);
  }

  /** The next bytes start a new stream. */
  next(): void {
    this.streams.push([]);
  }

  /** Of the last `bytes`, the NULs at the end are no content. */
  dropNuls(bytes: number): void {
    const all = Buffer.concat(this.streams.at(-1)!);
    let end = all.length;
    while (end > all.length - bytes && all[end - 1] === 0) end--;
    this.streams[this.streams.length - 1] = [all.subarray(0, end)];
  }

  /** Without empty streams, which have no rows to compare. */
  whole(): Buffer[] {
    return this.streams.map((parts) => Buffer.concat(parts)).filter((bytes) => bytes.length > 0);
  }
}

/**
 * The files of one sandbox, written, rotated, truncated and deleted like a runtime does, and a ledger of the
 * written bytes. All operations are synchronous.
 */
export class SoakSandbox {
  readonly id: string;
  /** performance.now() of the last write, and of the last new file. */
  written_ms = 0;
  created_ms = 0;
  bytes = 0;
  private readonly folder: string;
  /** Where the folder is while it is away: on the same file system, and below no data dir. */
  private readonly elsewhere: string;
  private readonly path: string;
  private readonly console = new Ledger();
  private readonly events = new Ledger();
  private fd = -1;
  private eventsFd = -1;
  /** Bytes in the live file; if it is empty, a truncation changes nothing. */
  private fileBytes = 0;
  /** What the file held when the writer started over in it, up to its last byte that was no NUL. */
  private formerBytes = 0;
  /** With NULs behind it, which the writer writes over. */
  private spaceBytes = 0;
  private spaces = 0;
  private boots = 0;
  /** Rotated files whose names are dates, oldest first. */
  private dated: string[] = [];

  constructor(vms: string, id: string) {
    this.id = id;
    this.folder = join(vms, id);
    this.elsewhere = join(vms, '..', '..', `${id}.away`);
    this.path = join(this.folder, 'console.log');
    this.begin();
  }

  private begin(): void {
    mkdirSync(this.folder);
    this.eventsFd = openSync(join(this.folder, 'events.jsonl'), 'a');
    this.open();
    this.boot();
  }

  /** O_CREAT|O_WRONLY|O_TRUNC without O_APPEND, as the runtime opens it. */
  private open(): void {
    this.fd = openSync(this.path, 'w');
    this.fileBytes = 0;
    this.formerBytes = 0;
    this.spaceBytes = 0;
    this.created_ms = performance.now();
  }

  /** Writes the lines that are the same in all boots, and then a line that is unique. */
  private boot(): void {
    this.write(Buffer.from(`${BOOT}boot ${this.boots++} of ${this.id}\r\n`));
    const event = Buffer.from(
      `{"time":"2026-06-01T15:30:18Z","type":"sandbox.running","boot":${this.boots}}\n`,
    );
    writeSync(this.eventsFd, event);
    this.events.add(event);
    this.bytes += event.length;
  }

  /**
   * A writer that started over ends its lines: if the old content has an end of a line right behind what it
   * wrote, nobody can tell that it did not write that, too.
   */
  write(some: Buffer): void {
    const isOver = this.fileBytes + some.length < this.formerBytes;
    const bytes = isOver && some.at(-1) !== NEW_LINE ? Buffer.concat([some, Buffer.from('\n')]) : some;
    for (let at = 0; at < bytes.length; ) at += writeSync(this.fd, bytes, at);
    this.console.add(bytes);
    this.fileBytes += bytes.length;
    this.bytes += bytes.length;
    this.written_ms = performance.now();
  }

  /** Nobody writes over the spare NULs any more: they are content. */
  private leaveSpare(): void {
    // Behind what is left of the former content, they are left of it, too.
    const isNew = this.fileBytes >= this.formerBytes;
    if (isNew) this.console.add(Buffer.alloc(Math.max(0, this.spaceBytes - this.fileBytes)));
    this.spaceBytes = 0;
  }

  /** The console starts over in the same file; NULs at its end were no content yet. */
  private startOver(): void {
    closeSync(this.fd);
    this.console.dropNuls(this.fileBytes);
    if (this.fileBytes > 0) this.console.next();
  }

  /** Rotates several times in succession, with a line in each file. */
  rotate(steps: number): void {
    for (let step = 0; step < steps; step++) {
      closeSync(this.fd);
      this.leaveSpare();
      this.moveChain();
      renameSync(this.path, `${this.path}.1`);
      this.open();
      this.write(Buffer.from(`rotated, step ${step}\n`));
    }
  }

  /** As logrotate's `dateext`: the new name has no number. */
  rotateByDate(): void {
    closeSync(this.fd);
    this.leaveSpare();
    const name = `${this.path}-20261129-${1_795_900_000 + this.boots + this.bytes}`;
    renameSync(this.path, name);
    this.dated.push(name);
    if (this.dated.length > KEPT) rmSync(this.dated.shift()!, { force: true });
    this.open();
    this.write(Buffer.from('rotated by date\n'));
  }

  private moveChain(): void {
    rmSync(`${this.path}.${KEPT}`, { force: true });
    for (let age = KEPT - 1; age >= 1; age--) {
      if (existsSync(`${this.path}.${age}`)) renameSync(`${this.path}.${age}`, `${this.path}.${age + 1}`);
    }
  }

  /** The writer continues at its old offset, so its next write leaves a hole of NULs before it. */
  copyTruncate(): void {
    this.leaveSpare();
    this.moveChain();
    copyFileSync(this.path, `${this.path}.1`);
    truncateSync(this.path, 0);
    this.fileBytes = 0;
    this.formerBytes = 0;
    this.created_ms = performance.now();
    this.write(Buffer.from('after copy and truncation\n'));
  }

  /** Truncates the same inode, as a wake from hibernation does. */
  wake(): void {
    this.startOver();
    this.open();
    this.boot();
  }

  /** Starts again without truncation, and writes over the old content, as Firecracker does. */
  writeOver(): void {
    this.startOver();
    this.fd = openSync(this.path, constants.O_CREAT | constants.O_WRONLY);
    this.formerBytes = Math.max(this.formerBytes, this.fileBytes);
    this.fileBytes = 0;
    this.created_ms = performance.now();
    this.boot();
  }

  /**
   * A wake into a file whose space is there before its content. Spare NULs in the place of others would be left
   * of the former content, so each time there are more.
   */
  preallocate(): void {
    this.startOver();
    const space = Buffer.alloc(SPACE_BYTES + ++this.spaces);
    writeFileSync(this.path, space);
    this.fd = openSync(this.path, constants.O_WRONLY);
    this.fileBytes = 0;
    this.formerBytes = 0;
    this.spaceBytes = space.length;
    this.created_ms = performance.now();
    this.boot();
  }

  /** The folder goes elsewhere; its writers go on. */
  leave(): void {
    renameSync(this.folder, this.elsewhere);
  }

  comeBack(): void {
    renameSync(this.elsewhere, this.folder);
  }

  remove(): void {
    closeSync(this.fd);
    this.leaveSpare();
    closeSync(this.eventsFd);
    rmSync(this.folder, { recursive: true });
  }

  /** Deletes the sandbox and creates another one with the same id. */
  recreate(): void {
    this.remove();
    this.dated = [];
    this.console.next();
    this.events.next();
    this.begin();
  }

  expected(): Expected[] {
    return [
      { id: this.id, log: 'console', streams: this.console.whole() },
      { id: this.id, log: 'events', streams: this.events.whole() },
    ];
  }
}
