import { join } from 'node:path';
import { real, type SimulatedAgent } from '../../support/simulated_agent.ts';
import { SpoolRows } from '../../support/spool_rows.ts';
import { SANDBOXES, Sandbox } from './sandbox.ts';
import type { World } from './world.ts';

/** Files, agents and the model of what must be stored. Moves change all three. */
export class History {
  readonly world: World;
  readonly agent: SimulatedAgent;
  readonly sandboxes: Sandbox[];
  readonly rows: SpoolRows;
  /** The moves that did something. */
  readonly met = new Set<string>();
  /** Moves so far that changed files. */
  acts = 0;
  /** Lives may have ended unseen: how the bytes divide into streams is not known. */
  isBlurred = false;
  /** An agent may die at any call now, and holds files by descriptors. */
  isMortal = false;
  /** An agent died at one of its calls. */
  hasDiedInside = false;
  /** Somebody removed the pins. */
  hasLostPins = false;
  /** Some of its calls failed. */
  hasFailed = false;
  /** Former content with long NULs was written over: an agent whose calls fail says that it may take it for new. */
  hasWrittenOverNuls = false;
  /** Events were lost, and the agent has not looked since. */
  isBlind = false;
  private readonly vms: string;
  private readonly pins: string;
  /** A folder on the same file system, where no sandbox is. */
  readonly elsewhere: string;
  /** Links that somebody made to consoles, by inode number. */
  private readonly backups = new Map<number, string[]>();
  private files = 0;
  private writes = 0;

  constructor(dir: string, agent: SimulatedAgent, world: World) {
    this.world = world;
    this.vms = join(dir, 'data', 'vms');
    this.pins = join(dir, 'data', '.afterlog', 'pins');
    this.elsewhere = join(dir, 'data', 'elsewhere');
    real.mkdirSync(this.elsewhere);
    this.agent = agent;
    this.rows = new SpoolRows(join(dir, 'state', 'spool'));
    this.sandboxes = Array.from({ length: SANDBOXES }, (_, index) => {
      const id = `sb-${index}`;
      return new Sandbox(this.vms, id, (path) => this.holds(id, path));
    });
  }

  /** Whether agents hold files by descriptors: a file without a name is lost with the agent. */
  get hasDescriptors(): boolean {
    return this.world.files.links !== 'work';
  }

  /** Whether no move, nor the death of an agent, takes the file at this path away before it is read. */
  private holds(id: string, path: string): boolean {
    if (!this.hasDescriptors) return this.ownLinks(path) > 1;
    return !this.isMortal && this.agent.holds(id, path);
  }

  /** The names of a file, without those that somebody else gave it. */
  private ownLinks(path: string): number {
    const { nlink, ino } = real.statSync(path);
    return nlink - (this.backups.get(ino)?.length ?? 0);
  }

  /** Links a console somewhere else. */
  backUp(sandbox: Sandbox): void {
    const { ino } = real.statSync(sandbox.path);
    const links = this.backups.get(ino) ?? [];
    const link = join(this.elsewhere, `${ino}-${links.length}`);
    real.linkSync(sandbox.path, link);
    this.backups.set(ino, [...links, link]);
    this.tell(sandbox, false);
  }

  get hasBackups(): boolean {
    return this.backups.size > 0;
  }

  /** Files that have a name are remembered. */
  endBackups(): void {
    real.rmSync(this.elsewhere, { recursive: true });
  }

  /** Before an agent dies that holds files by descriptors: it has read those that nothing else keeps. */
  async canDie(): Promise<boolean> {
    if (!this.hasDescriptors || !this.agent.isRunning) return true;
    return (await this.comesToHoldNothing()) || !this.agent.isRunning;
  }

  /** Waits until the agent has read all that only it holds. @returns whether it has */
  private async comesToHoldNothing(): Promise<boolean> {
    this.agent.resume();
    await this.agent.deliver();
    for (const { id } of this.sandboxes) await this.agent.guard(id);
    for (let waited_ms = 0; waited_ms < 10_000; waited_ms += 500) {
      const { acts } = this;
      await this.agent.deliver();
      await this.agent.tick(500);
      // What happened meanwhile it may not have seen yet.
      if (this.agent.holdsNothing && this.acts === acts) return true;
    }
    return false;
  }

  /** Removes the folder of pins, if each of them is the second name of a file in a folder. @returns whether it did */
  async losePins(): Promise<boolean> {
    if (!(await this.comesToHoldNothing())) return false;
    const pins = real.readdirSync(this.pins).map((name) => join(this.pins, name));
    if (pins.length === 0 || pins.some((path) => this.ownLinks(path) === 1)) return false;
    real.rmSync(this.pins, { recursive: true });
    this.hasLostPins = true;
    return true;
  }

  close(): void {
    this.rows.close();
  }

  /** One send of its agent arrives. @returns whether there was anything to send */
  async send(bytes = Number.POSITIVE_INFINITY): Promise<boolean> {
    // What is delivered may be deleted.
    this.rows.poll();
    return this.agent.send(bytes);
  }

  /** The pins and states that an agent still has. */
  leftOver(): string[] {
    // Descriptors are no pins that one can see.
    const held = this.hasDescriptors ? this.agent.known : [];
    return [...real.readdirSync(this.pins), ...this.rows.poll().states.keys(), ...held];
  }

  /** Has all of it read, also what comes meanwhile. @returns false when no agent can, or there is nothing */
  async isRead(sandbox: Sandbox): Promise<boolean> {
    for (let seen = -1; seen !== this.acts; ) {
      seen = this.acts;
      if (!sandbox.isThere || !(await this.agent.flush(sandbox.id))) return false;
    }
    return true;
  }

  /** Has an agent see all of it, also what comes meanwhile. @returns false when none can, or there is nothing */
  async isGuarded(sandbox: Sandbox): Promise<boolean> {
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
  unique(bytes: Buffer): Buffer {
    return Buffer.concat([Buffer.from(`${++this.files} `), bytes]);
  }

  /** What is written next to a console. */
  next(sandbox: Sandbox, bytes: Buffer): Buffer {
    return sandbox.content.length === 0 ? this.unique(bytes) : bytes;
  }

  /** Makes the folder of a sandbox, with a console. */
  make(sandbox: Sandbox, content: Buffer): void {
    sandbox.begin(content);
    sandbox.truncated = null;
    sandbox.wasCut = false;
    sandbox.isReplaced = false;
    sandbox.spare_bytes = 0;
    real.mkdirSync(sandbox.folder);
    this.agent.notify(this.vms, sandbox.id, true);
    this.write(sandbox, content);
    this.tell(sandbox, true);
  }

  /**
   * Writes at the end of the console, over spare NULs or former content; the model is the caller's.
   * @returns what it wrote: if need be, with the end of a line
   */
  write(sandbox: Sandbox, bytes: Buffer): Buffer {
    const { over } = sandbox;
    const whole = over === null || mayEndSo(over, bytes) ? bytes : Buffer.concat([bytes, Buffer.from('\n')]);
    if (over !== null) writeOver(sandbox, over, whole);
    else if (sandbox.spare_bytes === 0) real.appendFileSync(sandbox.path, whole);
    else {
      writeAt(sandbox, real.statSync(sandbox.path).size - sandbox.spare_bytes, whole);
      sandbox.spare_bytes = Math.max(0, sandbox.spare_bytes - whole.length);
    }
    this.wrote(sandbox);
    return whole;
  }

  /** The file's own time is that of the simulated host, and no two are the same. */
  wrote(sandbox: Sandbox): void {
    const now_s = this.agent.wall_s + ++this.writes / 1e6;
    real.utimesSync(sandbox.path, now_s, now_s);
    this.tell(sandbox, false);
  }

  /** Its folder went to another folder, or came from there. */
  moved(sandbox: Sandbox): void {
    this.agent.notify(this.vms, sandbox.id, true);
  }

  delete(sandbox: Sandbox): void {
    sandbox.leave();
    const { agent } = this;
    if (!agent.isRunning || agent.isAtWork || this.isBlind) sandbox.last.isUnwatched = true;
    for (const name of real.readdirSync(sandbox.folder)) this.tell(sandbox, true, name);
    sandbox.endFile();
    real.rmSync(sandbox.folder, { recursive: true });
    this.agent.unwatch(sandbox.folder);
    this.agent.notify(this.vms, sandbox.id, true);
  }

  /** The folder of the console has an event about it, or about another name. */
  tell(sandbox: Sandbox, renamed: boolean, name = 'console.log'): void {
    this.agent.notify(sandbox.folder, name, renamed);
    const before = sandbox.streams.at(-2);
    if (renamed && before !== undefined && sandbox.replaced_ms === performance.now())
      before.isUnwatched = true;
  }

  /** The agent ends, or loses events: of streams that have ended it may not know how. */
  forgetEnds(): void {
    for (const { isThere, streams } of this.sandboxes)
      for (const stream of isThere ? streams.slice(0, -1) : streams) stream.isUnwatched = true;
  }
}

/** Before what is left of former content, each write ends with a line. */
const mayEndSo = ({ at, former }: { at: number; former: Buffer }, bytes: Buffer): boolean =>
  at + bytes.length >= former.length || bytes.at(-1) === 10;

function writeOver(sandbox: Sandbox, over: { at: number; former: Buffer }, bytes: Buffer): void {
  writeAt(sandbox, over.at, bytes);
  over.at += bytes.length;
  if (over.at <= over.former.length) return;
  sandbox.over = null;
  if (sandbox.spare_bytes === 0) return;
  sandbox.hasPassedRoom = true;
  sandbox.spare_bytes = Math.max(0, real.statSync(sandbox.path).size - over.at);
}

function writeAt({ path }: Sandbox, at: number, bytes: Buffer): void {
  const fd = real.openSync(path, 'r+');
  real.writeSync(fd, bytes, 0, bytes.length, at);
  real.closeSync(fd);
}
