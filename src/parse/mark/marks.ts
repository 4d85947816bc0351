import { limits } from '../../base/limits.ts';
import type { CrashRule } from '../kernel/crash_rule.ts';
import { crashRules } from '../kernel/crash_rules.ts';
import { kernelNotes, killed, type Note, rawNotes, systemdFailed } from '../kernel/notes.ts';
import { severity } from '../level/severity.ts';
import { source } from '../level/source.ts';
import { bytes, startsWith } from '../line/bytes.ts';
import { event, gravity } from '../line/events.ts';
import type { Line } from '../line/line.ts';
import { nameId } from '../line/names.ts';
import { stable, textOf, titleId } from '../line/title.ts';
import { hints, type Traits, ways } from '../line/traits.ts';
import { AppMarks, type SavedApp } from './app_marks.ts';
import { crashOf, isOneIncident, type KernelCrash, newCrash, readBelow } from './crash.ts';
import { readyText } from './ready.ts';

const { LBRACKET } = bytes;

const runsInit = Buffer.from('Run /');

/** What `Marks` knows of the lines before; kept in the spool. */
export interface SavedMarks {
  /**
   * The number of further lines of this boot in which `boot.ready` is looked for; 0 once it was found or
   * ruled out.
   */
  ready: number;
  /** Seconds since boot while only the kernel has written; -1 after that. */
  early: number;
  /** The last crash. */
  crash: KernelCrash | null;
  /** Earlier crashes whose title still needs something. Missing in spools of older agents. */
  open?: KernelCrash[];
  app: SavedApp | null;
}

/**
 * Finds what lines mark: boots, crashes, failures. The row of a headline gets the event, and the title as far
 * as the headline names it. A later line of the same entry that completes the title (the function, the
 * victim, the message) gets the better one. So no row waits for a later line.
 */
export class Marks {
  /** 1 if any line may matter, 0 if only lines with a hint do. */
  watching = 1;
  private ready: number = limits.parse.boot_lines_max;
  private early = -1;
  private crash: KernelCrash | null = null;
  private open: KernelCrash[] = [];
  private readonly app = new AppMarks();

  constructor(saved: SavedMarks | undefined) {
    if (saved === undefined) return;
    this.ready = saved.ready;
    this.early = saved.early;
    // Spools of older agents have no `fallback`.
    this.crash = saved.crash === null ? null : { ...saved.crash, fallback: saved.crash.fallback ?? '' };
    this.open = (saved.open ?? []).map((crash) => ({ ...crash, fallback: crash.fallback ?? '' }));
    this.app.restore(saved.app);
  }

  save(): SavedMarks {
    const crash = this.crash === null ? null : { ...this.crash };
    const open = this.open.map((one) => ({ ...one }));
    return { ready: this.ready, early: this.early, crash, open, app: this.app.save() };
  }

  /** Reads b[at, end), the text of a line whose entry is known, and sets event and title of the line. */
  read(b: Uint8Array, at: number, end: number, position: number, line: Line, traits: Traits): void {
    this.look(b, at, end, position, line, traits);
    const isWatching =
      this.ready > 0 ||
      this.app.isWaiting ||
      this.open.length > 0 ||
      (this.crash !== null && this.crash.seeks !== 0);
    this.watching = isWatching ? 1 : 0;
  }

  private look(b: Uint8Array, at: number, end: number, position: number, line: Line, traits: Traits): void {
    if (traits.hint !== hints.nothing) this.headline(textOf(b, at, end), position, line, traits);
    else {
      const crash = this.seeker(position - line.entry_back);
      if (crash !== null) readBelow(crash, textOf(b, at, end), line);
    }
    if (line.source === source.kernel) {
      if (this.early >= 0) this.early = startsWith(b, at, end, runsInit) ? -1 : traits.uptime;
      if (this.ready > 0 && at > line.message_start) this.findReady(b, line.message_start, end, line);
      return;
    }
    if (traits.isStamped || traits.way !== ways.raw) this.early = -1;
    if (traits.isHeadline || traits.mode !== traits.modeBefore || this.app.isWaiting)
      this.app.read(b, at, end, position, line, traits);
    if (line.source === source.systemd) readSystemd(b, at, end, line);
    if (this.ready > 0) this.findReady(b, at, end, line);
  }

  /** This boot is known to be ready. */
  foundReady(): void {
    this.ready = 0;
  }

  /** The crash in this entry whose title still needs something. */
  private seeker(entry: number): KernelCrash | null {
    const { crash, open } = this;
    if (crash !== null && crash.seeks !== 0 && crash.entry === entry) return crash;
    for (const one of open) {
      if (one.entry !== entry) continue;
      // It stays until the next line, because this line may complete its title.
      if (one.seeks === 0) this.open = open.filter(({ seeks }) => seeks !== 0);
      return one;
    }
    return null;
  }

  /** Makes `next` the last crash. The title of the crash before it may still be completed. */
  private replace(next: KernelCrash): void {
    const { crash } = this;
    if (crash !== null && crash.seeks !== 0) {
      if (this.open.length === limits.parse.open_crashes_max) this.open.shift();
      this.open.push(crash);
    }
    this.crash = next;
  }

  private findReady(b: Uint8Array, at: number, end: number, line: Line): void {
    this.ready--;
    if (line.event !== 0) return;
    const text = readyText(b, at, end);
    if (text === '') return;
    this.ready = 0;
    line.event = event.boot_ready;
    line.title = titleId(text);
  }

  private headline(text: string, position: number, line: Line, traits: Traits): void {
    const version = /^Linux version (\d\S*)/.exec(text);
    const kill = killed.exec(text);
    if (version !== null) this.boot(version[1]!, line);
    else if (kill !== null) this.kill(kill[1]!, kill[2]!, position, line, traits);
    else if (traits.hint === hints.note)
      note(traits.way === ways.kernel ? kernelNotes : rawNotes, text, line);
    else this.crashes(text, position, line, traits);
    if (line.event === event.rootfs_missing) this.ready = 0;
  }

  private boot(version: string, line: Line): void {
    // A kernel with an early console prints its first lines a second time on the real one.
    if (this.early >= 0 && this.early < limits.parse.early_console_s && this.crash === null) return;
    this.early = 0;
    this.crash = null;
    this.open.length = 0;
    this.ready = limits.parse.boot_lines_max;
    line.event = event.boot_start;
    line.title = titleId(`Linux ${version}`);
  }

  private kill(how: string, victim: string, position: number, line: Line, traits: Traits): void {
    const { crash } = this;
    const entry = position - line.entry_back;
    const isBelow = crash !== null && crash.event === event.oom && crash.entry === entry;
    if (isBelow && how === '' && crash.title.endsWith(`Killed process ${victim}`)) return;
    const where = how.startsWith('Memory cgroup') ? 'Memory cgroup out of memory' : 'Out of memory';
    const title = `${where}: Killed process ${victim}`;
    if (isBelow) crash.title = title;
    else {
      this.replace(newCrash(entry, position, traits.uptime, event.oom, gravity['kernel.oom'], title));
      line.event = event.oom;
    }
    line.title = titleId(title) || event.oom;
  }

  private crashes(text: string, position: number, line: Line, traits: Traits): void {
    for (const rule of crashRules) {
      if (rule.stamped && traits.way !== ways.kernel) continue;
      const match = rule.pattern.exec(text);
      if (match === null) continue;
      this.crashed(rule, match, position, line, traits);
      return;
    }
  }

  private crashed(
    rule: CrashRule,
    match: RegExpExecArray,
    position: number,
    line: Line,
    traits: Traits,
  ): void {
    const { crash } = this;
    const entry = position - line.entry_back;
    const id = nameId(rule.event);
    const grave = gravity[rule.event];
    if (grave === gravity['kernel.panic']) this.ready = 0;
    if (crash !== null && (crash.entry === entry || isOneIncident(crash, grave, position, traits.uptime))) {
      // Within a report only a worse headline counts: `Oops:` repeats the `BUG:` before it.
      if (crash.entry !== entry || grave > crash.gravity) markAgain(crash, id, grave, position, line, traits);
      return;
    }
    const next = crashOf(rule, match, entry, position, traits.uptime);
    this.replace(next);
    line.event = id;
    line.title = titleId(next.title) || id;
  }
}

/** Marks a further headline of an incident with an event of its own and the title of the incident. */
function markAgain(
  crash: KernelCrash,
  id: number,
  grave: number,
  position: number,
  line: Line,
  traits: Traits,
): void {
  crash.gravity = Math.max(crash.gravity, grave);
  crash.position = position;
  if (traits.uptime > 0) crash.uptime = traits.uptime;
  line.event = id;
  line.title = titleId(crash.title) || id;
}

function note(list: readonly Note[], text: string, line: Line): void {
  for (const { pattern, event: id, title } of list) {
    const match = pattern.exec(text);
    if (match === null) continue;
    const filled = title.replace(/\$([\d&])/g, (_, group) => match[group === '&' ? 0 : Number(group)] ?? '');
    line.event = id;
    line.title = titleId(stable(filled.trim().replace(/ in$/, ''))) || id;
    return;
  }
}

function readSystemd(b: Uint8Array, at: number, end: number, line: Line): void {
  if (line.event !== 0) return;
  // The status of the boot screen precedes the text.
  if (b[at] === LBRACKET && line.severity !== severity.error) return;
  const text = textOf(b, at, end).replace(/^\[ *[A-Z]+ *\] /, '');
  const match = systemdFailed.exec(text);
  if (match === null) return;
  line.event = event.systemd;
  line.title = titleId(`Failed to start ${stable(match[1] ?? match[2]!)}`) || event.systemd;
}
