import {
  appendFileSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  renameSync,
  rmSync,
  truncateSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const LIVE = 12;
/** What is written at most while an agent starts, in rounds over all that live. */
export const ROUNDS_MAX = 60;

export interface Pace {
  /** Between two rounds. */
  pause_ms: number;
  /** Between two rotations, deletions, or pairs of copies; a multiple of 4. */
  rounds: number;
}

const USUAL: Pace = { pause_ms: 25, rounds: 40 };

/** Sandboxes that write, rotate, are copied and truncated, and deleted, for as long as they are told to. */
export class Fleet {
  readonly written = new Map<string, string[]>();
  private readonly vms: string;
  private readonly pace: Pace;
  private readonly live: { id: string; cycle: number }[] = [];
  private count = 0;
  /** Counts the agents that run on; what was made before this many has been seen by one of them. */
  cycle = 0;
  seen = 0;
  private isOver = false;
  /** Rounds until it waits: on a slow machine too much would be written else. */
  left = ROUNDS_MAX;

  constructor(vms: string, pace: Pace = USUAL) {
    this.vms = vms;
    this.pace = pace;
  }

  async run(): Promise<void> {
    const { pause_ms, rounds } = this.pace;
    for (let round = 0; !this.isOver; round++) {
      while (this.left <= 0 && !this.isOver) await sleep(10);
      this.left--;
      while (this.live.length < LIVE) this.make();
      for (const { id } of this.live) this.write(id, `${id} says ${this.count++}\nand half a`, ' line\n');
      // Only what an agent has seen: nobody could read the rest.
      const seen = this.live.find(({ cycle }) => cycle < this.seen);
      if (seen !== undefined && round % rounds === rounds / 2) this.rotate(seen);
      if (seen !== undefined && round % (2 * rounds) === rounds / 4) this.copyTruncate(seen);
      if (seen !== undefined && round % rounds === rounds - 1) {
        this.live.splice(this.live.indexOf(seen), 1);
        this.delete(seen.id);
      }
      await sleep(pause_ms);
    }
  }

  private make(): void {
    const id = `sb-${this.written.size}`;
    mkdirSync(join(this.vms, id), { recursive: true });
    this.written.set(id, []);
    this.live.push({ id, cycle: this.cycle });
    this.write(id, `${id} starts\n`);
  }

  private write(id: string, ...pieces: string[]): void {
    for (const piece of pieces) appendFileSync(join(this.vms, id, 'console.log'), piece);
    this.written.get(id)!.push(...pieces);
  }

  private rotate(one: { id: string; cycle: number }): void {
    const path = this.moveOn(one);
    renameSync(path, `${path}.1`);
    appendFileSync(path, '');
  }

  private copyTruncate(one: { id: string; cycle: number }): void {
    const path = this.moveOn(one);
    copyFileSync(path, `${path}.1`);
    truncateSync(path, 0);
  }

  private moveOn(one: { id: string; cycle: number }): string {
    const path = join(this.vms, one.id, 'console.log');
    one.cycle = this.cycle;
    if (existsSync(`${path}.1`)) renameSync(`${path}.1`, `${path}.2`);
    return path;
  }

  private delete(id: string): void {
    rmSync(join(this.vms, id), { recursive: true });
  }

  finish(): void {
    this.isOver = true;
  }

  deleteAll(): void {
    for (const { id } of this.live.splice(0)) this.delete(id);
  }
}
