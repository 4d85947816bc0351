import assert from 'node:assert/strict';
import { appendFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { AgentSite } from '../support/agent_site.ts';
import { copyTruncate, rotate } from '../support/rotate.ts';
import { assertBytes } from '../support/streams.ts';

/** How long the test goes on making up histories, and how long after a change an honest agent has seen it. */
const BUDGET_MS = 40_000;
const SEEN_MS = 250;
const SANDBOXES = 4;
const AT_ONCE = 5;

type Ends = 'truncated' | 'deleted';

/** What one sandbox's console must be found to hold. */
class Sandbox {
  readonly id: string;
  streams: { bytes: Buffer; ends: Ends | null }[] = [];
  isThere = false;
  /** A file came that no agent has had the time to see. */
  hasUnseen = false;

  constructor(id: string) {
    this.id = id;
  }

  get total(): number {
    return this.streams.reduce((sum, stream) => sum + stream.bytes.length, 0);
  }

  begin(bytes: Buffer): void {
    this.streams.push({ bytes, ends: null });
    this.isThere = true;
    this.hasUnseen = true;
  }

  append(bytes: Buffer): void {
    const stream = this.streams.at(-1)!;
    stream.bytes = Buffer.concat([stream.bytes, bytes]);
  }

  end(how: Ends): void {
    this.streams.at(-1)!.ends = how;
  }
}

type Step =
  | { does: 'write'; at: number; bytes: Buffer }
  | { does: 'rotate' | 'copy-truncate'; at: number; bytes: Buffer }
  | { does: 'truncate' | 'recreate'; at: number; bytes: Buffer }
  | { does: 'delete'; at: number }
  | { does: 'wait'; ms: number }
  | { does: 'kill' }
  | { does: 'start' }
  | { does: 'restart' };

const at = fc.nat(SANDBOXES - 1);
const text = fc
  .array(
    fc.oneof(
      { weight: 4, arbitrary: fc.stringMatching(/^[a-z ]{1,20}$/).map((line) => `${line}\n`) },
      {
        weight: 1,
        arbitrary: fc.constantFrom('\n', '\r\n', 'no end', '[    1.000000] kernel\n', '[12:04:31] [app] x\n'),
      },
      {
        weight: 1,
        arbitrary: fc.constantFrom('y'.repeat(70_000), `${'z'.repeat(300_000)}\n`, 'many\n'.repeat(5_000)),
      },
    ),
    { minLength: 1, maxLength: 6 },
  )
  .map((lines) => Buffer.from(lines.join('')));
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ does: fc.constant('write' as const), at, bytes: text }) },
  {
    weight: 4,
    arbitrary: fc.record({
      does: fc.constantFrom('rotate', 'copy-truncate'),
      at,
      bytes: text,
    }) as fc.Arbitrary<Step>,
  },
  {
    weight: 3,
    arbitrary: fc.record({
      does: fc.constantFrom('truncate', 'recreate'),
      at,
      bytes: text,
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

const short = (step: Step): string =>
  Object.values(step)
    .map((part) => (Buffer.isBuffer(part) ? JSON.stringify(`${part.subarray(0, 30)}…${part.length}`) : part))
    .join(' ');

/** Every first file begins alike, as every sandbox boots the same kernel. */
const BOOT = Buffer.from('[    0.000000] Linux version 6.1.0, the same for all\n');

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
    await sleep(SEEN_MS);
    for (const sandbox of this.sandboxes.filter((some) => some.isThere)) {
      sandbox.end('deleted');
      this.site.delete(sandbox.id);
    }
    for (const sandbox of this.sandboxes) await this.check(sandbox);
  }

  private async step(one: Step): Promise<void> {
    if (one.does === 'wait') return void (await sleep(one.ms));
    if (one.does === 'kill') return this.site.kill();
    if (one.does === 'start') return this.start();
    if (one.does === 'restart') {
      await this.site.kill();
      return this.start();
    }
    const sandbox = this.sandboxes[one.at]!;
    const path = this.site.path(sandbox.id);
    if (one.does === 'write') {
      if (!sandbox.isThere) return this.make(sandbox, one.bytes);
      sandbox.append(one.bytes);
      appendFileSync(path, one.bytes);
      return;
    }
    // What takes a file or its bytes away comes after an agent had the time to see them.
    if (!sandbox.isThere || !(await this.isSeen(sandbox))) return;
    if (one.does === 'rotate') {
      rotate(path);
      sandbox.hasUnseen = true;
      appendFileSync(path, one.bytes);
      sandbox.append(one.bytes);
    } else if (one.does === 'delete' || one.does === 'recreate') {
      sandbox.end('deleted');
      sandbox.isThere = false;
      this.site.delete(sandbox.id);
      if (one.does === 'recreate') this.make(sandbox, one.bytes);
    } else if (this.site.isRunning) {
      await this.site.read(sandbox.id, this.wholeLines(sandbox));
      await sleep(SEEN_MS);
      if (one.does === 'truncate') {
        sandbox.end('truncated');
        sandbox.begin(one.bytes);
        writeFileSync(path, one.bytes);
      } else {
        copyTruncate(path);
        sandbox.hasUnseen = true;
        appendFileSync(path, one.bytes);
        sandbox.append(one.bytes);
      }
    }
  }

  private make(sandbox: Sandbox, bytes: Buffer): void {
    const content = Buffer.concat([BOOT, bytes]);
    sandbox.begin(content);
    this.site.make(sandbox.id);
    writeFileSync(this.site.path(sandbox.id), content);
  }

  private async start(): Promise<void> {
    if (this.site.isRunning) await sleep(SEEN_MS);
    else await this.site.start();
    for (const sandbox of this.sandboxes) sandbox.hasUnseen = false;
  }

  /** Waits for a running agent to see what is there. */
  private async isSeen(sandbox: Sandbox): Promise<boolean> {
    if (this.site.isRunning && sandbox.hasUnseen) {
      await sleep(SEEN_MS);
      sandbox.hasUnseen = false;
    }
    return !sandbox.hasUnseen;
  }

  /** Bytes of a sandbox that can be in rows while its last line is unfinished. */
  private wholeLines(sandbox: Sandbox): number {
    const last = sandbox.streams.at(-1)!.bytes;
    return sandbox.total - last.length + last.lastIndexOf(10) + 1;
  }

  private async check(sandbox: Sandbox): Promise<void> {
    if (sandbox.streams.length === 0) return;
    const streams = await this.site.sealed(sandbox.id, sandbox.streams.length);
    assert.equal(streams.length, sandbox.streams.length, `${sandbox.id}: streams`);
    for (const [index, { bytes, ends }] of sandbox.streams.entries()) {
      const found = streams[index]!;
      assertBytes(found.bytes, bytes, `${sandbox.id}, stream ${index}`);
      assert.equal(
        found.seal!.complete,
        ends === 'deleted',
        `${sandbox.id}, stream ${index}: ${JSON.stringify(found.gaps)}`,
      );
    }
  }
}

test('whatever happens to files and agent, in any order: the streams hold what was written', {
  timeout: 240_000,
}, async (t) => {
  const until = performance.now() + BUDGET_MS;
  let histories = 0;
  // A history mostly waits; several at a time.
  const one = (_: unknown, index: number): Promise<void> =>
    fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), async (steps) => {
        const site = new AgentSite();
        try {
          await site.start();
          await new History(site, `h${histories++}`).take(steps);
          await site.empty();
        } catch (error) {
          throw new Error(
            `${(error as Error).message}\nafter ${steps.map(short).join(', ')}\n${site.output}`,
            { cause: error },
          );
        } finally {
          await site.close();
        }
      }),
      {
        numRuns: 1_000,
        interruptAfterTimeLimit: Math.max(1_000, until - performance.now()),
        markInterruptAsFailure: false,
        endOnFailure: process.env.AFTERLOG_TEST_SHRINK === undefined,
        ...(process.env.AFTERLOG_TEST_SEED && { seed: Number(process.env.AFTERLOG_TEST_SEED) + index }),
      },
    );
  await Promise.all(Array.from({ length: AT_ONCE }, one));
  t.diagnostic(`${histories} histories`);
  assert.ok(histories > 3, `only ${histories} histories in ${BUDGET_MS} ms`);
});
