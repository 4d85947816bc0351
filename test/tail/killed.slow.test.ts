import assert from 'node:assert/strict';
import { appendFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { AgentSite } from '../support/agent_site.ts';
import { contentOf, randomOf } from '../support/content.ts';
import { rotate } from '../support/rotate.ts';
import { assertBytes, bytesOf, wasOnlyUnwatched } from '../support/streams.ts';

const SANDBOXES = 12;
const KILLS = 12;
/** What is written at most from one kill to the next, however long that takes. */
const WRITES_MAX = 2_000;
const SEED = 11;

/**
 * Writes, rotates and deletes without regard for the agent; but no file is taken away that no agent has seen yet, which
 * nobody could read.
 */
class Writer {
  readonly written = new Map<string, Buffer[]>();
  private readonly site: AgentSite;
  private readonly random: () => number;
  private readonly live: string[] = [];
  private made = 0;
  private isOver = false;
  /** Writes until it waits. */
  left = WRITES_MAX;

  constructor(site: AgentSite, seed: number) {
    this.site = site;
    this.random = randomOf(seed);
  }

  async run(): Promise<void> {
    while (!this.isOver) {
      while (this.live.length < SANDBOXES) this.make();
      if (this.left-- <= 0) {
        await sleep(5);
        continue;
      }
      const at = Math.floor(this.random() * this.live.length);
      const id = this.live[at]!;
      const content = contentOf(Math.floor(this.random() * 100), this.random).subarray(
        0,
        1 + this.random() * 3_000,
      );
      appendFileSync(this.site.path(id), content);
      this.written.get(id)!.push(content);
      const what = this.random();
      if (what < 0.06 && this.site.isPinned(id)) {
        if (what < 0.04) rotate(this.site.path(id));
        else {
          this.live.splice(at, 1);
          this.site.delete(id);
        }
      }
      if (this.random() < 0.3) await sleep(1);
    }
    for (const id of this.live) {
      await this.site.pinned(id);
      this.site.delete(id);
    }
  }

  private make(): void {
    const id = `sb-${this.made++}`;
    this.site.make(id);
    writeFileSync(this.site.path(id), '');
    this.written.set(id, []);
    this.live.push(id);
  }

  finish(): void {
    this.isOver = true;
  }
}

test(`${KILLS} times kill -9 while sandboxes write, rotate and are deleted: every byte once, no byte missing, nothing left over`, async (t) => {
  const site = new AgentSite();
  t.after(() => site.close());
  const random = randomOf(SEED);
  await site.start();
  const writer = new Writer(site, SEED);
  const writing = writer.run();
  for (let kill = 1; kill <= KILLS; kill++) {
    await sleep(random() * 500);
    await site.kill();
    await sleep(random() * 100);
    await site.start();
    writer.left = WRITES_MAX;
  }
  writer.finish();
  await writing;
  for (const [id, pieces] of writer.written) {
    const streams = await site.sealed(id);
    assert.equal(streams.length, 1, id);
    assertBytes(bytesOf(streams), Buffer.concat(pieces), id);
    // Some were deleted while no agent ran, or a moment before one was killed.
    assert.ok(wasOnlyUnwatched(streams[0]!), `${id}: ${JSON.stringify(streams[0]!.gaps)}`);
  }
  await site.empty();
});

test('killed in the moments in which streams are sealed and pins are let go: nothing is read again', async (t) => {
  const site = new AgentSite();
  t.after(() => site.close());
  const random = randomOf(SEED);
  const ids: string[] = [];
  await site.start();
  for (let round = 0; round < 15; round++) {
    for (let index = 0; index < 10; index++) {
      const id = `sb-${round}-${index}`;
      ids.push(id);
      site.make(id);
      writeFileSync(site.path(id), `first file of ${id}\n`);
    }
    const mine = ids.slice(-10);
    for (const id of mine) await site.read(id, 15 + id.length);
    for (const id of mine) {
      rotate(site.path(id));
      appendFileSync(site.path(id), `second file of ${id}\n`);
    }
    const seals = (): number => site.spool.poll().rows.filter((row) => row.record === 'seal').length;
    const before = seals();
    for (const id of mine) {
      await site.pinned(id);
      site.delete(id);
      await sleep(8);
    }
    // Two files, each closed after a second of quiet; seals come in turn, 8 ms apart.
    await site.eventually('a seal', () => seals() > before);
    await sleep(random() * 150);
    await site.kill();
    await site.start();
  }
  for (const id of ids) {
    const streams = await site.sealed(id);
    assert.deepEqual(
      streams.map((stream) => stream.bytes.toString()),
      [`first file of ${id}\nsecond file of ${id}\n`],
    );
  }
  await site.empty();
});
