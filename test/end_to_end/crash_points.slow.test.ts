import assert from 'node:assert/strict';
import {
  appendFileSync,
  copyFileSync,
  existsSync,
  globSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
} from 'node:fs';
import { join, resolve } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { migrate } from '../../src/store/care/migrate.ts';
import { clickhouse, rowsOf } from '../support/clickhouse.ts';
import { testSettings } from '../support/kafka.ts';
import { until } from '../support/patience.ts';
import { environmentOf, RoleProcess } from '../support/roles.ts';
import { assertReadBack, assertStoredOnceAndInOrder, sealedCount, stopMerges } from '../support/stored.ts';

const LIVE = 12;
/** What is written at most while an agent starts, in rounds over all that live. */
const ROUNDS_MAX = 60;

/** Every crash point of the agent that is in the source, so that none is forgotten here. */
function crashPoints(): string[] {
  const src = resolve(import.meta.dirname, '../../src');
  const names = globSync('**/*.ts', { cwd: src }).flatMap((file) =>
    [...readFileSync(join(src, file), 'utf8').matchAll(/crashPoint\('([a-z_.]+)'\)/g)].map(
      (match) => match[1]!,
    ),
  );
  // Those of the consumer, of erasing, and of letting go of held files have tests of their own.
  return [...new Set(names)].filter((name) => !/^(consume|land|erase)\.|^tail\.kept$/.test(name)).sort();
}

/** Sandboxes that write, rotate, are copied and truncated, and deleted, for as long as they are told to. */
class Fleet {
  readonly written = new Map<string, string[]>();
  private readonly vms: string;
  private readonly live: { id: string; cycle: number }[] = [];
  private count = 0;
  /** Counts the agents that run on; what was made before this many has been seen by one of them. */
  cycle = 0;
  seen = 0;
  private isOver = false;
  /** Rounds until it waits: on a slow machine too much would be written else. */
  left = ROUNDS_MAX;

  constructor(vms: string) {
    this.vms = vms;
  }

  async run(): Promise<void> {
    for (let round = 0; !this.isOver; round++) {
      while (this.left <= 0 && !this.isOver) await sleep(10);
      this.left--;
      while (this.live.length < LIVE) this.make();
      for (const { id } of this.live) this.write(id, `${id} says ${this.count++}\nand half a`, ' line\n');
      // Only what an agent has seen: nobody could read the rest.
      const seen = this.live.find(({ cycle }) => cycle < this.seen);
      if (seen !== undefined && round % 40 === 20) this.rotate(seen);
      if (seen !== undefined && round % 80 === 10) this.copyTruncate(seen);
      if (seen !== undefined && round % 40 === 39) {
        this.live.splice(this.live.indexOf(seen), 1);
        this.delete(seen.id);
      }
      await sleep(25);
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

test('an agent that kills itself at every crash point in turn, while data flows: every byte once, in order', async (t) => {
  const settings = await testSettings(t, { kafkaBrokers: '' });
  const { database } = settings.clickhouse;
  const client = clickhouse(t);
  await migrate(client, database);
  await stopMerges(client, database);
  const vms = join(settings.data_dir, 'vms');
  mkdirSync(vms, { recursive: true });
  const env = environmentOf(settings);
  const fleet = new Fleet(vms);
  const writing = fleet.run();
  t.after(() => fleet.finish());
  const stored = async (): Promise<number> =>
    Number(
      (await rowsOf<{ rows: number }>(client, `SELECT count() AS rows FROM ${database}.console_logs`))[0]!
        .rows,
    );

  const agent = new RoleProcess(t, ['agent'], env);
  /** An agent that starts, and what it has read arrives. */
  const flows = async (): Promise<void> => {
    fleet.cycle++;
    agent.output = '';
    agent.start();
    // What arrives before may still be of the one that crashed.
    await until(() => agent.output.includes('The agent reads'));
    fleet.left = ROUNDS_MAX;
    const before = await stored();
    await until(async () => (await stored()) > before);
    fleet.seen = fleet.cycle;
  };

  await flows();
  await agent.kill();
  const points = crashPoints();
  assert.ok(points.length >= 10, points.join());
  for (const point of points) {
    // At its first time, and in the middle of things; what happens at a start only, at a start.
    for (const nth of [1, 3]) {
      const crashes = new RoleProcess(t, ['agent'], { ...env, TEST_CRASH_AT: `${point}:${nth}` });
      crashes.start();
      fleet.left = ROUNDS_MAX;
      await until(() => !crashes.isRunning || crashes.output.includes('The agent reads'));
      fleet.left = Number.POSITIVE_INFINITY;
      if (nth > 1) await sleep(1_500);
      else await until(() => !crashes.isRunning);
      fleet.left = ROUNDS_MAX;
      if (nth === 1) assert.equal(crashes.endedBy, 'SIGKILL', `${point} is reached: ${crashes.output}`);
      await crashes.kill();
    }
    await flows();
    await agent.kill();
  }
  await flows();
  fleet.finish();
  await writing;
  fleet.deleteAll();
  await until(async () => (await sealedCount(client, database)) === fleet.written.size);
  await assertReadBack(
    settings,
    new Map([...fleet.written].map(([id, pieces]) => [id, Buffer.from(pieces.join(''))])),
  );
  await assertStoredOnceAndInOrder(client, database);
  // Some were deleted while no agent ran: nobody knows whether they had another file.
  const gaps = `SELECT message FROM ${database}.console_logs WHERE record = 'gap' AND message NOT LIKE '%nobody watched%'`;
  assert.deepEqual(await rowsOf(client, gaps), []);
});
