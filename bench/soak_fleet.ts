import { setTimeout as sleep } from 'node:timers/promises';
import { contentOf, writesOf } from '../test/support/content.ts';
import type { SoakAgent } from './soak_agent.ts';
import type { SoakComparison } from './soak_comparison.ts';
import { SoakSandbox } from './soak_sandbox.ts';

const PAUSE_MS_MAX = 1_000;
const WRITE_BYTES_MAX = 20_000;
const WRITES_MAX = 40;
const FIRST_BIRTHS_MS = 5_000;
/** A folder that is away for less than this goes on. */
const AWAY_MS_MAX = 5_000;
/** After less, an unfinished line is stored. */
const PROMPT_MS = 3_000;

/** Creates, writes, rotates, truncates, recreates and deletes the sandboxes of one agent's data dir. */
export class SoakFleet {
  readonly done = {
    sandboxes: 0,
    bytes: 0,
    rotations: 0,
    'rotations by date': 0,
    'copy-truncations': 0,
    wakes: 0,
    'restarts that write over': 0,
    'preallocated files': 0,
    'folders away for a while': 0,
    prompts: 0,
    recreations: 0,
  };
  private readonly vms: string;
  private readonly prefix: string;
  private readonly agent: SoakAgent;
  private readonly comparison: SoakComparison;
  private readonly random: () => number;
  private readonly isOver: () => boolean;
  private born = 0;

  /** @param prefix of the sandboxes' ids */
  constructor(
    vms: string,
    prefix: string,
    agent: SoakAgent,
    comparison: SoakComparison,
    random: () => number,
    isOver: () => boolean,
  ) {
    this.vms = vms;
    this.prefix = prefix;
    this.agent = agent;
    this.comparison = comparison;
    this.random = random;
    this.isOver = isOver;
  }

  /** Runs `alive` sandboxes at a time until `isOver`, and then until all are deleted. */
  async run(alive: number): Promise<void> {
    await Promise.all(
      Array.from({ length: alive }, async () => {
        await sleep(this.random() * FIRST_BIRTHS_MS);
        while (!this.isOver()) await this.live(this.born++);
      }),
    );
  }

  /** Runs one sandbox from its creation to its deletion. */
  private async live(index: number): Promise<void> {
    const { random } = this;
    const one = new SoakSandbox(this.vms, `${this.prefix}-${index}`);
    const writes = writesOf(contentOf(index, random), random, WRITE_BYTES_MAX);
    for (const write of writes.slice(0, WRITES_MAX)) {
      if (this.isOver()) break;
      one.write(write);
      await sleep(this.below(PAUSE_MS_MAX) * random());
      await this.mishap(one);
    }
    await this.agent.seen(one.created_ms);
    one.remove();
    this.done.sandboxes++;
    this.done.bytes += one.bytes;
    this.comparison.add(one.expected());
  }

  /** Sometimes rotates, truncates or recreates a console, possibly in the middle of a line. */
  private async mishap(one: SoakSandbox): Promise<void> {
    const { agent, done } = this;
    const changed = (): number => Math.max(one.created_ms, one.written_ms);
    const draw = this.random();
    if (draw < 0.08) {
      await agent.seen(one.created_ms);
      one.rotate(1 + this.below(3));
      done.rotations++;
    } else if (draw < 0.12) {
      await agent.truncate(changed, () => one.copyTruncate());
      done['copy-truncations']++;
    } else if (draw < 0.16) {
      await agent.truncate(changed, () => one.wake());
      done.wakes++;
    } else if (draw < 0.18) {
      await agent.seen(one.created_ms);
      one.recreate();
      done.recreations++;
    } else if (draw < 0.22) {
      await agent.truncate(changed, () => one.writeOver(), true);
      done['restarts that write over']++;
    } else if (draw < 0.23) {
      await agent.truncate(changed, () => one.preallocate());
      done['preallocated files']++;
    } else if (draw < 0.26) {
      await agent.seen(one.created_ms);
      one.rotateByDate();
      done['rotations by date']++;
    } else if (draw < 0.27) {
      await agent.seen(one.created_ms);
      one.leave();
      await sleep(this.below(AWAY_MS_MAX));
      one.comeBack();
      done['folders away for a while']++;
    } else if (draw < 0.3) {
      one.write(Buffer.from('login: '));
      await sleep(PROMPT_MS);
      one.write(Buffer.from('root\r\n'));
      done.prompts++;
    }
  }

  private below(bound: number): number {
    return Math.floor(this.random() * bound);
  }
}
