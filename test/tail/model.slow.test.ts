import assert from 'node:assert/strict';
import { appendFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { AgentSite } from '../support/agent_site.ts';
import { fc, seed } from '../support/property.ts';
import { copyTruncate, rotate } from '../support/rotate.ts';
import { assertBytes, wasOnlyUnwatched } from '../support/streams.ts';

/** How long the test goes on making up histories. */
const BUDGET_MS = 40_000;
const SANDBOXES = 4;
const AT_ONCE = 5;

type Ends = 'truncated' | 'deleted';

interface Stream {
  bytes: Buffer;
  ends: Ends | null;
  /** Whether an agent watched its end, and went on; null if it had not looked yet, or was killed soon after. */
  isWatched: boolean | null;
}

/** What one sandbox's console must be found to hold. */
class Sandbox {
  readonly id: string;
  streams: Stream[] = [];
  isThere = false;
  /** A file came of which nobody knows whether an agent has seen it. */
  hasUnseen = false;
  /** Whether the agent that runs has looked at it: before that, nobody watches. */
  isLookedAt = false;

  constructor(id: string) {
    this.id = id;
  }

  begin(bytes: Buffer): void {
    this.streams.push({ bytes, ends: null, isWatched: true });
    this.isThere = true;
    this.hasUnseen = true;
  }

  append(bytes: Buffer): void {
    const stream = this.streams.at(-1)!;
    stream.bytes = Buffer.concat([stream.bytes, bytes]);
  }

  end(how: Ends, isWatched: boolean | null): void {
    Object.assign(this.streams.at(-1)!, { ends: how, isWatched });
  }

  /** The agent is killed, which may not have noted yet what it saw. */
  agentDied(): void {
    this.isLookedAt = false;
    for (const stream of this.streams)
      if (stream.ends === 'deleted' && stream.isWatched) stream.isWatched = null;
  }
}

type Step =
  | { does: 'write'; at: number; text: string[] }
  | { does: 'rotate' | 'copy-truncate'; at: number; text: string[] }
  | { does: 'truncate' | 'recreate'; at: number; text: string[] }
  | { does: 'delete'; at: number }
  | { does: 'wait'; ms: number }
  | { does: 'kill' }
  | { does: 'start' }
  | { does: 'restart' };

/** What is too long to stand in a step as it is. */
const long: Record<string, string> = {
  '<70 kB, no end>': 'y'.repeat(70_000),
  '<300 kB line>': `${'z'.repeat(300_000)}\n`,
  '<5000 lines>': 'many\n'.repeat(5_000),
};

const bytesOf = (text: string[]): Buffer => Buffer.from(text.map((piece) => long[piece] ?? piece).join(''));

const at = fc.nat(SANDBOXES - 1);
const text = fc.array(
  fc.oneof(
    { weight: 4, arbitrary: fc.stringMatching(/^[a-z ]{1,20}$/).map((line) => `${line}\n`) },
    {
      weight: 1,
      arbitrary: fc.constantFrom('\n', '\r\n', 'no end', '[    1.000000] kernel\n', '[12:04:31] [app] x\n'),
    },
    { weight: 1, arbitrary: fc.constantFrom(...Object.keys(long)) },
  ),
  { minLength: 1, maxLength: 6 },
);
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ does: fc.constant('write' as const), at, text }) },
  {
    weight: 4,
    arbitrary: fc.record({
      does: fc.constantFrom('rotate', 'copy-truncate'),
      at,
      text,
    }) as fc.Arbitrary<Step>,
  },
  {
    weight: 3,
    arbitrary: fc.record({
      does: fc.constantFrom('truncate', 'recreate'),
      at,
      text,
    }) as fc.Arbitrary<Step>,
  },
  { weight: 1, arbitrary: fc.record({ does: fc.constant('delete' as const), at }) },
  {
    weight: 2,
    arbitrary: fc.record({ does: fc.constant('wait' as const), ms: fc.constantFrom(5, 60, 400, 1_300) }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ does: fc.constantFrom('kill', 'start', 'restart') }) as fc.Arbitrary<Step>,
  },
);

/** Every first file begins alike, as every sandbox boots the same kernel. */
const BOOT = Buffer.from('[    0.000000] Linux version 6.1.0, the same for all\n');

/**
 * Whether a file that held `before` and now holds `after` looks as if it had gone on, or may do so once more is
 * appended to it: nobody can tell then, so it is left out.
 */
const goesOn = (before: Buffer, after: Buffer): boolean => {
  if (before.subarray(0, after.length).equals(after)) return true;
  const from = Math.max(0, before.length - 512);
  return after.length >= before.length && after.subarray(from, before.length).equals(before.subarray(from));
};

class History {
  private readonly site: AgentSite;
  private readonly sandboxes: Sandbox[];

  constructor(site: AgentSite, name: string) {
    this.site = site;
    this.sandboxes = Array.from({ length: SANDBOXES }, (_, index) => new Sandbox(`${name}-${index}`));
  }

  async take(steps: Step[]): Promise<void> {
    for (const one of steps) await this.step(one);
    if (!this.site.isRunning) await this.start();
    for (const [index, sandbox] of this.sandboxes.filter((some) => some.isThere).entries()) {
      await this.isSeen(sandbox);
      if (index % 2 === 0) await this.flush(sandbox);
      sandbox.end('deleted', sandbox.isLookedAt || null);
      this.site.delete(sandbox.id);
    }
    for (const sandbox of this.sandboxes) await this.check(sandbox);
  }

  private async step(one: Step): Promise<void> {
    if (one.does === 'wait') return void (await sleep(one.ms));
    if (one.does === 'kill') return this.kill();
    if (one.does === 'start') return this.start();
    if (one.does === 'restart') {
      await this.kill();
      return this.start();
    }
    const sandbox = this.sandboxes[one.at]!;
    const bytes = 'text' in one ? bytesOf(one.text) : Buffer.alloc(0);
    const path = this.site.path(sandbox.id);
    if (one.does === 'write') {
      if (!sandbox.isThere) return this.make(sandbox, bytes);
      sandbox.append(bytes);
      appendFileSync(path, bytes);
      return;
    }
    // What takes a file away comes after an agent has seen it; what takes its bytes away, after it has read them.
    if (!sandbox.isThere || !(await this.isSeen(sandbox))) return;
    if (one.does === 'rotate') {
      rotate(path);
      sandbox.hasUnseen = true;
      appendFileSync(path, bytes);
      sandbox.append(bytes);
    } else if (one.does === 'delete' || one.does === 'recreate') {
      sandbox.end('deleted', this.site.isRunning && (sandbox.isLookedAt || null));
      sandbox.isThere = false;
      this.site.delete(sandbox.id);
      if (one.does === 'recreate') this.make(sandbox, bytes);
    } else if (this.site.isRunning) {
      await this.flush(sandbox);
      if (one.does === 'truncate') {
        if (goesOn(sandbox.streams.at(-1)!.bytes, bytes)) return;
        sandbox.end('truncated', true);
        sandbox.begin(bytes);
        writeFileSync(path, bytes);
      } else {
        copyTruncate(path);
        sandbox.hasUnseen = true;
        appendFileSync(path, bytes);
        sandbox.append(bytes);
      }
    }
  }

  private make(sandbox: Sandbox, bytes: Buffer): void {
    const content = Buffer.concat([BOOT, bytes]);
    sandbox.begin(content);
    this.site.make(sandbox.id);
    writeFileSync(this.site.path(sandbox.id), content);
  }

  private async kill(): Promise<void> {
    await this.site.kill();
    for (const sandbox of this.sandboxes) sandbox.agentDied();
  }

  private async start(): Promise<void> {
    if (!this.site.isRunning) await this.site.start();
  }

  /** Waits for a running agent to see what is there. */
  private async isSeen(sandbox: Sandbox): Promise<boolean> {
    if (this.site.isRunning && sandbox.hasUnseen) {
      await this.site.pinned(sandbox.id);
      sandbox.hasUnseen = false;
    }
    return !sandbox.hasUnseen;
  }

  private async flush(sandbox: Sandbox): Promise<void> {
    await this.site.flush(sandbox.id);
    sandbox.isLookedAt = true;
  }

  private async check(sandbox: Sandbox): Promise<void> {
    if (sandbox.streams.length === 0) return;
    const streams = await this.site.sealed(sandbox.id, sandbox.streams.length);
    assert.equal(streams.length, sandbox.streams.length, `${sandbox.id}: streams`);
    for (const [index, { bytes, ends, isWatched }] of sandbox.streams.entries()) {
      const found = streams[index]!;
      const name = `${sandbox.id}, stream ${index}`;
      assertBytes(found.bytes, bytes, name);
      const { complete } = found.seal!;
      const told = `${name}: ${JSON.stringify(found.gaps)}`;
      if (ends === 'truncated') assert.equal(complete, false, told);
      else assert.ok(wasOnlyUnwatched(found), told);
      if (ends === 'deleted' && isWatched !== null) assert.equal(complete, isWatched, told);
    }
  }
}

test('whatever happens to files and agent, in any order: the streams hold what was written', async (t) => {
  const end_ms = performance.now() + BUDGET_MS;
  let histories = 0;
  // A history mostly waits; several at a time.
  const one = (_: unknown, index: number): Promise<void> =>
    fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), async (steps) => {
        if (performance.now() > end_ms) return;
        const site = new AgentSite();
        try {
          await site.start();
          await new History(site, `h${histories++}`).take(steps);
          await site.empty();
        } catch (error) {
          throw new Error(`${(error as Error).message}\nafter ${JSON.stringify(steps)}\n${site.output}`, {
            cause: error,
          });
        } finally {
          await site.close();
        }
      }),
      {
        numRuns: 1_000,
        endOnFailure: process.env.TEST_SHRINK === undefined,
        seed: seed + index,
      },
    );
  await Promise.all(Array.from({ length: AT_ONCE }, one));
  t.diagnostic(`${histories} histories`);
});
