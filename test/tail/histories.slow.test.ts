import assert from 'node:assert/strict';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { builtInKinds } from '../../src/redact/kinds.ts';
import { type RedactionState, Redactor } from '../../src/redact/redactor.ts';
import { fc, seed } from '../support/property.ts';
import { real, SimulatedAgent } from '../support/simulated_agent.ts';
import { SpoolRows } from '../support/spool_rows.ts';
import { assertBytes, bytesOf, type StoredStream, streamsOf } from '../support/streams.ts';

/**
 * Thousands of made-up histories of files and agent, against a model that knows nothing of how the agent works. Other
 * than `model.slow.test.ts`, whose agents are processes that are really killed, these run in simulated time, die at any
 * single file-system call, and have things happen between any two of them.
 *
 *   TEST_SEED=N                         other histories: without it, they are the same in every run
 *   TEST_SEED=N TEST_PATH=P   what failed, as it was printed
 *   TEST_HISTORIES=N                    a longer run
 */
const HISTORIES = Number(process.env.TEST_HISTORIES ?? 2_000);
/** On a slow machine fewer are made up, unless their number is given. */
const BUDGET_MS = process.env.TEST_HISTORIES ? Number.POSITIVE_INFINITY : 240_000;
const SANDBOXES = 2;
const KEEP = 3;

type Does = 'write' | 'rotate' | 'truncate' | 'copy-truncate' | 'delete' | 'recreate';
interface Act {
  does: Does;
  at: number;
  text: string[];
  /** After a truncation the writer goes on at its old offset. */
  hole: boolean;
  /** A truncation as soon as an agent has seen what is there: it need not be read. */
  hasty: boolean;
}
type Step =
  | Act
  | { does: 'meanwhile'; calls: number; act: Act }
  | { does: 'tick'; ms: number }
  | { does: 'die'; calls: number }
  | { does: 'clock'; step_ms: number }
  | { does: 'deliver' }
  | { does: 'drop events' }
  | { does: 'pause' }
  | { does: 'resume' }
  | { does: 'kill' }
  | { does: 'start' };

const long: Record<string, string> = {
  '<70 kB, no end>': 'y'.repeat(70_000),
  '<300 kB line>': `${'z'.repeat(300_000)}\n`,
  '<5000 lines>': 'many\n'.repeat(5_000),
};
/** With these in what is written, agents redact: they come in one piece, in two, and over several lines. */
const secrets: Record<string, string> = {
  '<token>': `token gh${'p_'}a8Kd0Zq3XmP7cR2tYw9LbV5nH4sJ6gF1wxyz\n`,
  '<token, its first half>': `token gh${'p_'}a8Kd0Zq3XmP7cR`,
  '<token, its second half>': '2tYw9LbV5nH4sJ6gF1wxyz\n',
  '<account>': 'acct_123',
  '<digits>': '456\n',
  '<address>': 'mail to someone@example.com now\n',
  '<key begins>': `-----BEGIN ${'PRIVATE'} KEY-----\r\n`,
  '<key>': `${'MIIEvQIBADANBgkqhkiG9w0BAQEFAASC'.repeat(2)}\r\n`,
  '<key ends>': `-----END ${'PRIVATE'} KEY-----\r\n`,
  '<token at the end of a row>': `${'.'.repeat(65_520)}gh${'p_'}a8Kd0Zq3XmP7cR2tYw9LbV5nH4sJ6gF1wxyz`,
};
const makeRedactor = (): Redactor => new Redactor(builtInKinds, ['acct_\\d+']);

const contentOf = (text: string[]): Buffer =>
  Buffer.from(text.map((piece) => long[piece] ?? secrets[piece] ?? piece).join(''));

const textWith = (...more: string[]) =>
  fc.array(
    fc.oneof(
      { weight: 8, arbitrary: fc.stringMatching(/^[a-z ]{1,20}$/).map((line) => `${line}\n`) },
      { weight: 3, arbitrary: fc.constantFrom('\n', '\r\n', 'no end', '[    1.000000] kernel\n') },
      { weight: 1, arbitrary: fc.constantFrom(...Object.keys(long)) },
      ...(more.length > 0 ? [{ weight: 12, arbitrary: fc.constantFrom(...more) }] : []),
    ),
    { minLength: 1, maxLength: 4 },
  );
const stepsWith = (text: fc.Arbitrary<string[]>): fc.Arbitrary<Step[]> => {
  const act = (...does: Does[]): fc.Arbitrary<Act> =>
    fc.record({
      does: fc.constantFrom(...does),
      at: fc.nat(SANDBOXES - 1),
      text,
      hole: fc.boolean(),
      hasty: fc.boolean(),
    });
  const step: fc.Arbitrary<Step> = fc.oneof(
    { weight: 8, arbitrary: act('write') },
    { weight: 6, arbitrary: act('rotate', 'copy-truncate', 'truncate') },
    { weight: 2, arbitrary: act('delete', 'recreate') },
    {
      weight: 4,
      arbitrary: fc.record({
        does: fc.constant('meanwhile' as const),
        calls: fc.integer({ min: 1, max: 40 }),
        act: act('write', 'rotate', 'delete', 'recreate'),
      }),
    },
    {
      weight: 6,
      arbitrary: fc.record({ does: fc.constant('tick' as const), ms: fc.constantFrom(50, 300, 1_500) }),
    },
    { weight: 5, arbitrary: fc.constantFrom({ does: 'deliver' as const }, { does: 'drop events' as const }) },
    { weight: 3, arbitrary: fc.constantFrom({ does: 'kill' as const }, { does: 'start' as const }) },
    { weight: 3, arbitrary: fc.constantFrom({ does: 'pause' as const }, { does: 'resume' as const }) },
    {
      weight: 2,
      arbitrary: fc.record({ does: fc.constant('die' as const), calls: fc.integer({ min: 1, max: 60 }) }),
    },
    {
      weight: 1,
      arbitrary: fc.record({
        does: fc.constant('clock' as const),
        step_ms: fc.constantFrom(-3_600_000, -1_000, 500, 86_400_000),
      }),
    },
  );
  return fc.array(step, { minLength: 5, maxLength: 40, size: 'max' });
};

interface Stream {
  bytes: Buffer;
  isTruncated: boolean;
}

/** What one sandbox's console must be found to hold, and its files. */
class Sandbox {
  readonly id: string;
  readonly folder: string;
  readonly path: string;
  streams: Stream[] = [];
  /** What its file held before it was truncated; null when it was not. */
  truncated: Buffer | null = null;

  constructor(vms: string, id: string) {
    this.id = id;
    this.folder = join(vms, id);
    this.path = join(this.folder, 'console.log');
  }

  get isThere(): boolean {
    return real.existsSync(this.folder);
  }

  get last(): Stream {
    return this.streams.at(-1)!;
  }

  begin(bytes: Buffer): void {
    this.streams.push({ bytes, isTruncated: false });
  }

  append(bytes: Buffer): void {
    this.last.bytes = Buffer.concat([this.last.bytes, bytes]);
  }

  private name(age: number): string {
    return age === 0 ? this.path : `${this.path}.${age}`;
  }

  /** Whether an agent holds the file by a link: then it has seen it. */
  private isHeld(age: number): boolean {
    return real.statSync(this.name(age)).nlink > 1;
  }

  get isHeldWhole(): boolean {
    return Array.from({ length: KEEP + 1 }, (_, age) => age).every(
      (age) => !real.existsSync(this.name(age)) || this.isHeld(age),
    );
  }

  /** Whether a rotation takes nothing away that nobody has seen, and leaves something of what was seen. */
  get canMoveOn(): boolean {
    return !real.existsSync(this.name(KEEP)) || (this.isHeld(KEEP) && this.isHeld(KEEP - 1));
  }

  moveOn(): void {
    real.rmSync(this.name(KEEP), { force: true });
    for (let age = KEEP - 1; age >= 1; age--) {
      if (real.existsSync(this.name(age))) real.renameSync(this.name(age), this.name(age + 1));
    }
  }
}

const BOOT = Buffer.from('[    0.000000] Linux version 6.1.0, the same for all\n');

/**
 * Whether a file that held `before` and now holds `after` looks as if it had gone on: as long, and the same just before
 * the old end. Nobody can tell, so it is left out.
 */
const goesOn = (before: Buffer, after: Buffer): boolean => {
  const from = Math.max(0, before.length - 512);
  return after.length >= before.length && after.subarray(from, before.length).equals(before.subarray(from));
};

class History {
  private readonly vms: string;
  private readonly agent: SimulatedAgent;
  private readonly sandboxes: Sandbox[];
  private readonly rows: SpoolRows;
  private readonly pins: string;
  private readonly redacts: boolean;
  private acts = 0;
  private files = 0;
  private isBlurred = false;
  private hasDiedInside = false;

  constructor(dir: string, agent: SimulatedAgent, redacts: boolean) {
    this.redacts = redacts;
    this.vms = join(dir, 'data', 'vms');
    this.pins = join(dir, 'data', '.afterlog', 'pins');
    this.agent = agent;
    this.rows = new SpoolRows(join(dir, 'state', 'spool'));
    this.sandboxes = Array.from({ length: SANDBOXES }, (_, index) => new Sandbox(this.vms, `sb-${index}`));
  }

  async run(steps: Step[]): Promise<void> {
    await this.agent.start();
    for (const one of steps) await this.step(one);
    this.agent.disarm();
    await this.agent.start();
    this.agent.resume();
    for (const sandbox of this.sandboxes.filter((some) => some.isThere)) {
      assert.ok(await this.agent.flush(sandbox.id), `${sandbox.id} can be flushed`);
      this.delete(sandbox);
    }
    await this.agent.deliver();
    for (let waited_ms = 0; !this.isOver(); waited_ms += 500) {
      assert.ok(
        waited_ms < 30_000,
        `left over: ${real.readdirSync(this.pins)} ${[...this.rows.poll().states.keys()]}`,
      );
      await this.agent.tick(500);
    }
    for (const sandbox of this.sandboxes) this.check(sandbox);
    assert.deepEqual(this.rows.repeated, [], 'no key stands twice');
  }

  close(): void {
    this.rows.close();
  }

  private isOver(): boolean {
    return real.readdirSync(this.pins).length === 0 && this.rows.poll().states.size === 0;
  }

  private async step(one: Step): Promise<void> {
    const { agent } = this;
    if (one.does === 'tick') {
      await agent.deliver();
      return agent.tick(one.ms);
    }
    if (one.does === 'kill') {
      this.isBlurred = true;
      return agent.kill();
    }
    if (one.does === 'start') return agent.start();
    if (one.does === 'deliver') return agent.deliver();
    if (one.does === 'drop events') return agent.dropEvents();
    if (one.does === 'die') {
      this.isBlurred = true;
      this.hasDiedInside = true;
      return agent.killAfter(one.calls);
    }
    // As when the spool is full; the next agent finds room.
    if (one.does === 'pause') return agent.pause();
    if (one.does === 'resume') return agent.resume();
    if (one.does === 'clock') return agent.stepClock(one.step_ms);
    if (one.does === 'meanwhile') {
      if (one.act.does === 'delete' || one.act.does === 'recreate') this.isBlurred = true;
      return agent.meanwhileAfter(one.calls, () => this.act(one.act));
    }
    if (one.does === 'truncate' || one.does === 'copy-truncate') {
      const sandbox = this.sandboxes[one.at]!;
      const isSafe = one.hasty || agent.isPaused ? this.isGuarded(sandbox) : this.isRead(sandbox);
      if (await isSafe) this.truncate(sandbox, one);
      return;
    }
    this.act(one);
  }

  /** Has all of it read, also what comes meanwhile. @returns false when no agent can, or there is nothing */
  private async isRead(sandbox: Sandbox): Promise<boolean> {
    for (let seen = -1; seen !== this.acts; ) {
      seen = this.acts;
      if (!sandbox.isThere || !(await this.agent.flush(sandbox.id))) return false;
    }
    return true;
  }

  /** Has an agent see all of it, also what comes meanwhile. @returns false when none can, or there is nothing */
  private async isGuarded(sandbox: Sandbox): Promise<boolean> {
    for (let seen = -1; seen !== this.acts; ) {
      seen = this.acts;
      if (!sandbox.isThere || !(await this.agent.guard(sandbox.id))) return false;
    }
    return true;
  }

  /**
   * What a file of a chain begins with comes once. (Consoles boot alike, but none writes twice what it wrote at the same
   * place of another file; where no look saw two files together, only their content tells a copy from a successor.)
   */
  private unique(bytes: Buffer): Buffer {
    return Buffer.concat([Buffer.from(`${++this.files} `), bytes]);
  }

  /** What can happen at any moment; what takes away a file that no agent has seen does not. */
  private act({ does, at, text }: Act): void {
    this.acts++;
    const sandbox = this.sandboxes[at]!;
    const bytes = contentOf(text);
    if (!sandbox.isThere) {
      if (does === 'write') this.make(sandbox, bytes);
    } else if (does === 'write') {
      const { truncated } = sandbox;
      if (truncated && goesOn(truncated, Buffer.concat([real.readFileSync(sandbox.path), bytes]))) return;
      this.write(sandbox, bytes);
      sandbox.append(bytes);
    } else if (does === 'rotate' && sandbox.canMoveOn) {
      sandbox.moveOn();
      real.renameSync(sandbox.path, `${sandbox.path}.1`);
      sandbox.truncated = null;
      const first = this.unique(bytes);
      this.write(sandbox, first);
      sandbox.append(first);
      this.tell(sandbox, true);
    } else if ((does === 'delete' || does === 'recreate') && sandbox.isHeldWhole) {
      this.delete(sandbox);
      if (does === 'recreate') this.make(sandbox, bytes);
    }
  }

  /** All of it has been read or seen, as of a wake or a copy-truncate some time after the last byte. */
  private truncate(sandbox: Sandbox, { does, text, hole }: Act): void {
    const bytes = this.unique(contentOf(text));
    const before = real.readFileSync(sandbox.path);
    if (does === 'copy-truncate') {
      if (!sandbox.canMoveOn) return;
      if (!hole && goesOn(before, bytes)) return;
      sandbox.moveOn();
      real.copyFileSync(sandbox.path, `${sandbox.path}.1`);
      sandbox.append(bytes);
    } else {
      if (!hole && goesOn(before, bytes)) return;
      sandbox.last.isTruncated = true;
      sandbox.begin(bytes);
    }
    sandbox.truncated = before;
    real.truncateSync(sandbox.path, 0);
    if (hole) real.truncateSync(sandbox.path, before.length);
    this.write(sandbox, bytes);
    this.tell(sandbox, true);
  }

  private make(sandbox: Sandbox, bytes: Buffer): void {
    const content = Buffer.concat([BOOT, bytes]);
    sandbox.begin(content);
    sandbox.truncated = null;
    real.mkdirSync(sandbox.folder);
    this.agent.notify(this.vms, sandbox.id, true);
    this.write(sandbox, content);
    this.tell(sandbox, true);
  }

  private write(sandbox: Sandbox, bytes: Buffer): void {
    real.appendFileSync(sandbox.path, bytes);
    // The file's own time is that of the simulated host.
    real.utimesSync(sandbox.path, this.agent.wall_s, this.agent.wall_s);
    this.tell(sandbox, false);
  }

  private delete(sandbox: Sandbox): void {
    real.rmSync(sandbox.folder, { recursive: true });
    this.agent.unwatch(sandbox.folder);
    this.agent.notify(this.vms, sandbox.id, true);
  }

  private tell(sandbox: Sandbox, renamed: boolean): void {
    this.agent.notify(sandbox.folder, 'console.log', renamed);
  }

  private check(sandbox: Sandbox): void {
    const streams = streamsOf(this.rows.poll().rows, sandbox.id);
    const gaps = streams.flatMap((stream) => stream.gaps);
    const truncations = sandbox.streams.filter(({ isTruncated }) => isTruncated).length;
    const written = Buffer.concat(sandbox.streams.map(({ bytes }) => bytes));
    assertBytes(bytesOf(streams), this.redacts ? redacted(written, streams) : written, sandbox.id);
    // An agent that died in the middle of a look may not know that a file followed the one before: it says so.
    const told = gaps.filter(({ reason }) => !(this.hasDiedInside && reason.startsWith('rotated away')));
    assert.equal(told.length, truncations, `${sandbox.id}: ${JSON.stringify(gaps)}`);
    assert.ok(
      streams.every(({ seal }) => seal !== null),
      `${sandbox.id}: all is sealed`,
    );
    // Lives that ended in the middle of the look that saw them first, or of the agent, may be taken for one.
    if (this.isBlurred) return;
    const lengths = (of: { bytes: Buffer }[]): number[] => of.map(({ bytes }) => bytes.length);
    assert.deepEqual(lengths(streams), lengths(sandbox.streams), `${sandbox.id}: streams`);
  }
}

/**
 * What must be stored of what was written: what comes to one whole is hidden, however it came and was read. A file that
 * ends within a line ends that line.
 */
function redacted(written: Buffer, streams: StoredStream[]): Buffer {
  const shown: Buffer[] = [];
  let at = 0;
  for (const { lines } of streams) {
    const redactor = makeRedactor();
    let state: RedactionState | null = null;
    let from = at;
    for (const [index, { bytes }] of lines.entries()) {
      at += bytes.length;
      const isWithin = bytes.at(-1) !== 10 && bytes.length === 65_536;
      const isLast = index === lines.length - 1;
      if (!isLast && (bytes.at(-1) === 10 || isWithin)) continue;
      const some = written.subarray(from, at);
      shown.push(Buffer.from(redactor.hide(some, 0, state)));
      state = redactor.took(some.length);
      from = at;
    }
  }
  return Buffer.concat([...shown, written.subarray(at)]);
}

/** @returns how many there was time for */
async function runHistories(count: number, budget_ms: number, redacts: boolean): Promise<number> {
  const memory = process.env.TEST_MEMORY ?? tmpdir();
  const end_ms = performance.now() + budget_ms;
  let histories = 0;
  await fc.assert(
    fc.asyncProperty(stepsWith(redacts ? textWith(...Object.keys(secrets)) : textWith()), async (steps) => {
      if (performance.now() > end_ms) return;
      histories++;
      const dir = real.mkdtempSync(join(memory, 'afterlog-histories-'));
      real.mkdirSync(join(dir, 'data', 'vms'), { recursive: true });
      const [dataDir, stateDir] = [join(dir, 'data'), join(dir, 'state')];
      const agent = new SimulatedAgent(dataDir, stateDir, undefined, redacts ? makeRedactor : undefined);
      const history = new History(dir, agent, redacts);
      agent.install();
      try {
        await history.run(steps);
      } finally {
        agent.uninstall();
        history.close();
        real.rmSync(dir, { recursive: true, force: true });
      }
    }),
    {
      numRuns: count,
      seed,
      ...(process.env.TEST_PATH && { path: process.env.TEST_PATH }),
    },
  );
  return histories;
}

test(`${HISTORIES} made-up histories: the streams hold what was written, whatever happens between any two calls`, async (t) => {
  t.diagnostic(`seed ${seed}, ${await runHistories(HISTORIES, BUDGET_MS, false)} histories`);
});

const REDACTED = Math.ceil(HISTORIES / 4);
test(`${REDACTED} made-up histories with secrets: the streams hold all but these, each hidden as if it had come whole`, async (t) => {
  t.diagnostic(`seed ${seed}, ${await runHistories(REDACTED, BUDGET_MS / 4, true)} histories`);
});
