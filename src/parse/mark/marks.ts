import { limits } from '../../base/limits.ts';
import { type CrashRule, seeks } from '../kernel/crash_rule.ts';
import { crashRules } from '../kernel/crash_rules.ts';
import { plainName, seek } from '../kernel/frames.ts';
import { kernelNotes, killed, type Note, rawNotes, systemdFailed } from '../kernel/notes.ts';
import { isHelper } from '../kernel/shared_functions.ts';
import { severity } from '../level/severity.ts';
import { source } from '../level/source.ts';
import { bytes, startsWith } from '../line/bytes.ts';
import { event, gravity } from '../line/events.ts';
import type { Line } from '../line/line.ts';
import { nameId } from '../line/names.ts';
import { stable, textOf, titleId } from '../line/title.ts';
import { hints, type Traits, ways } from '../line/traits.ts';
import { AppMarks, type SavedApp } from './app_marks.ts';
import { readyText } from './ready.ts';

const { LBRACKET } = bytes;

const runsInit = Buffer.from('Run /');

/** The last crash of the kernel, in the boot that goes on. */
interface Crash {
  /** Where its entry begins; where its last headline stands, and the kernel's clock there. */
  entry: number;
  position: number;
  uptime: number;
  event: number;
  gravity: number;
  /** The title, and what it still needs. */
  form: string;
  title: string;
  seeks: number;
  access: string;
  candidate: string;
  /** The function that the title names until a better one is found. */
  fallback: string;
  /** Lines in which that is looked for. */
  lines: number;
}

/** What marks need to know of the lines before; kept in the spool. */
export interface SavedMarks {
  /** Lines of this boot in which its readiness is looked for; 0 when it is known, or too late. */
  ready: number;
  /** Seconds since the kernel's first line while it has no programs; then -1. */
  early: number;
  crash: Crash | null;
  /** Crashes before it whose title still needs something. */
  open?: Crash[];
  app: SavedApp | null;
}

/**
 * What lines mark: boots, crashes, failures. A headline's row has the event and a title as far as the line itself tells it; a later line of
 * the same entry that tells more (the function, the victim, the message) has the better title. So nothing is held back.
 */
export class Marks {
  /** 1: a line of any kind may matter. */
  watching = 1;
  private ready: number = limits.parse.boot_lines_max;
  private early = -1;
  private crash: Crash | null = null;
  private open: Crash[] = [];
  private readonly app = new AppMarks();

  constructor(saved: SavedMarks | undefined) {
    if (saved === undefined) return;
    this.ready = saved.ready;
    this.early = saved.early;
    // Spools of before have no fallback.
    this.crash = saved.crash === null ? null : { ...saved.crash, fallback: saved.crash.fallback ?? '' };
    this.open = (saved.open ?? []).map((crash) => ({ ...crash, fallback: crash.fallback ?? '' }));
    this.app.restore(saved.app);
  }

  save(): SavedMarks {
    const crash = this.crash === null ? null : { ...this.crash };
    const open = this.open.map((one) => ({ ...one }));
    return { ready: this.ready, early: this.early, crash, open, app: this.app.save() };
  }

  /** The line b[at, end) (its text), whose entry is known. */
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
    if (traits.hint !== hints.nothing) this.headline(b, at, end, position, line, traits);
    else {
      const crash = this.seeker(position - line.entry_back);
      if (crash !== null) below(crash, textOf(b, at, end), line);
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

  /** The crash with this entry whose title still needs something. */
  private seeker(entry: number): Crash | null {
    const { crash, open } = this;
    if (crash !== null && crash.seeks !== 0 && crash.entry === entry) return crash;
    for (const one of open) {
      if (one.entry !== entry) continue;
      // The line that is looked at now may be the last one.
      if (one.seeks === 0) this.open = open.filter(({ seeks: wanted }) => wanted !== 0);
      return one;
    }
    return null;
  }

  /** The next crash takes the place of the last one, whose title may come yet. */
  private replace(next: Crash): void {
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

  private headline(
    b: Uint8Array,
    at: number,
    end: number,
    position: number,
    line: Line,
    traits: Traits,
  ): void {
    const text = textOf(b, at, end);
    const version = /^Linux version (\d\S*)/.exec(text);
    const kill = killed.exec(text);
    if (version !== null) this.boot(version[1]!, line);
    else if (kill !== null) this.kill(kill[1]!, kill[2]!, position, line, traits);
    else if (traits.hint === hints.note)
      note(traits.way === ways.kernel ? kernelNotes : rawNotes, text, line);
    else this.crashes(text, position, line, traits);
    if (line.event === event.rootfs_missing) this.ready = 0;
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

  private boot(version: string, line: Line): void {
    // What an early console has told the real one tells again.
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
      // In its own report only what is graver counts: `Oops:` says the same as the `BUG:` before it.
      if (crash.entry !== entry || grave > crash.gravity) this.mark(crash, id, grave, position, line, traits);
      return;
    }
    const form = rule.title.replace(/\$(\d)/g, (_, group) => stable(match[Number(group)] ?? ''));
    const next = newCrash(entry, position, traits.uptime, id, grave, form);
    next.form = form;
    next.seeks = rule.seeks ?? 0;
    next.lines = limits.parse.crash_lines_max;
    const name = rule.function === undefined ? undefined : match[rule.function];
    if (name !== undefined && isHelper(name)) next.fallback = name;
    else if (name !== undefined) {
      next.candidate = name;
      next.seeks &= seeks.access;
    }
    retitle(next);
    this.replace(next);
    line.event = id;
    line.title = titleId(next.title) || id;
  }

  /** A further headline of the incident: its own event, and the title that is known. */
  private mark(crash: Crash, id: number, grave: number, position: number, line: Line, traits: Traits): void {
    crash.gravity = Math.max(crash.gravity, grave);
    crash.position = position;
    if (traits.uptime > 0) crash.uptime = traits.uptime;
    line.event = id;
    line.title = titleId(crash.title) || id;
  }
}

/** A line below the headline of the crash. */
function below(crash: Crash, text: string, line: Line): void {
  const title = crash.title;
  if (crash.lines-- <= 0 || ((crash.seeks & seeks.sleeper) !== 0 && otherStacks.test(text))) crash.seeks = 0;
  if ((crash.seeks & seeks.message) !== 0) {
    crash.form = crash.form.replace('%m', () => stable(text.trim()));
    crash.seeks = 0;
    retitle(crash);
    line.title = titleId(crash.title) || crash.event;
    return;
  }
  const found = seek(text, crash.seeks, crash.candidate);
  if (found.access !== '') {
    crash.access = found.access;
    crash.seeks &= ~seeks.access;
  }
  if (found.function !== '') {
    crash.candidate = found.function;
    crash.seeks &= seeks.access;
  } else crash.candidate = found.candidate;
  if (found.fallback !== '' && crash.fallback === '') crash.fallback = found.fallback;
  else if (found.access === '' && found.function === '') return;
  retitle(crash);
  if (crash.title !== title) line.title = titleId(crash.title) || crash.event;
}

/** Behind the sleeping task's stack: those of others. */
const otherStacks = /^(?:Sending NMI|NMI backtrace|Showing all locks)/;

const newCrash = (
  entry: number,
  position: number,
  uptime: number,
  id: number,
  grave: number,
  title: string,
): Crash => ({
  entry,
  position,
  uptime,
  event: id,
  gravity: grave,
  form: title,
  title,
  seeks: 0,
  access: '',
  candidate: '',
  fallback: '',
  lines: 0,
});

/** Puts the function, if it is known for sure, and the access into the form. */
function retitle(crash: Crash): void {
  const isKnown = crash.candidate !== '' && (crash.seeks & ~seeks.access) === 0;
  const access = crash.access === '' ? '' : ` ${crash.access}`;
  const name = isKnown ? crash.candidate : crash.fallback;
  const named =
    name !== ''
      ? crash.form.replace('%f', () => plainName(name))
      : crash.form.replace('WARNING in %f/', 'WARNING in ').replace(' in %f', '').replace(': %m', '');
  crash.title = named.replace('%a', access).trim();
}

/**
 * Whether a headline in an entry of its own tells of the same incident as the last crash: a panic after what it is for, one hang after the other,
 * what an oops brings with it.
 */
function isOneIncident(crash: Crash, grave: number, position: number, uptime: number): boolean {
  const after = uptime > 0 && crash.uptime > 0 ? uptime - crash.uptime : 0;
  if (position - crash.position > limits.parse.entry_bytes_max) return false;
  const isHang = crash.gravity === gravity['kernel.hang'];
  if (grave === gravity['kernel.panic']) {
    return crash.gravity !== gravity['kernel.oom'] && after <= limits.parse.incident_s;
  }
  if (isHang && grave === crash.gravity) return after <= limits.parse.hang_incident_s;
  return (
    crash.gravity >= gravity['kernel.oops'] &&
    after <= limits.parse.incident_s &&
    grave !== gravity['kernel.oom']
  );
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
  // The boot screen's word stands before the text.
  if (b[at] === LBRACKET && line.severity !== severity.error) return;
  const text = textOf(b, at, end).replace(/^\[ *[A-Z]+ *\] /, '');
  const match = systemdFailed.exec(text);
  if (match === null) return;
  line.event = event.systemd;
  line.title = titleId(`Failed to start ${stable(match[1] ?? match[2]!)}`) || event.systemd;
}
