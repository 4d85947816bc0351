import { limits } from '../../base/limits.ts';
import { type CrashRule, seeks } from '../kernel/crash_rule.ts';
import { plainName, seek } from '../kernel/frames.ts';
import { isShared } from '../kernel/shared_functions.ts';
import { gravity } from '../line/events.ts';
import type { Line } from '../line/line.ts';
import { nameId } from '../line/names.ts';
import { stable, titleId } from '../line/title.ts';

/** A crash of the kernel in the current boot, and what its title still needs. The spool keeps it. */
export interface KernelCrash {
  /** Position of the first line of its entry. */
  entry: number;
  /** Position of its last headline. */
  position: number;
  /** Seconds since boot of its last headline. */
  uptime: number;
  event: number;
  gravity: number;
  /** The title as in `CrashRule`, where `%f` and the like are not filled in yet. */
  form: string;
  title: string;
  /** A mask of `seeks`: the parts that are still missing. */
  seeks: number;
  access: string;
  /** The function for the title, once it is certain; before, what `seek` needs to remember. */
  candidate: string;
  /** The function for the title until a better one is found. */
  fallback: string;
  /** The number of further lines that are searched. */
  lines: number;
}

export const newCrash = (
  entry: number,
  position: number,
  uptime: number,
  id: number,
  grave: number,
  title: string,
): KernelCrash => ({
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

/** The crash whose headline matches the rule. */
export function crashOf(
  rule: CrashRule,
  match: RegExpExecArray,
  entry: number,
  position: number,
  uptime: number,
): KernelCrash {
  const form = rule.title.replace(/\$(\d)/g, (_, group) => stable(match[Number(group)] ?? ''));
  const crash = newCrash(entry, position, uptime, nameId(rule.event), gravity[rule.event], form);
  crash.seeks = rule.seeks ?? 0;
  crash.lines = limits.parse.crash_lines_max;
  const name = rule.function === undefined ? undefined : match[rule.function];
  if (name !== undefined && isShared(name)) crash.fallback = name;
  else if (name !== undefined) {
    crash.candidate = name;
    crash.seeks &= seeks.access;
  }
  retitle(crash);
  return crash;
}

/** After the stack of the sleeping task: the stacks of others. */
const otherStacks = /^(?:Sending NMI|NMI backtrace|Showing all locks)/;

/** Reads a line below the headline of the crash. If it improves the title, the line gets the new one. */
export function readBelow(crash: KernelCrash, text: string, line: Line): void {
  const title = crash.title;
  if (crash.lines-- <= 0 || ((crash.seeks & seeks.sleeper) !== 0 && otherStacks.test(text))) crash.seeks = 0;
  if ((crash.seeks & seeks.message) !== 0) {
    crash.form = crash.form.replace('%m', () => stable(text.trim()));
    crash.seeks = 0;
    retitle(crash);
    line.title = titleId(crash.title) || crash.event;
    return;
  }
  const clue = seek(text, crash.seeks, crash.candidate);
  if (clue.access !== '') {
    crash.access = clue.access;
    crash.seeks &= ~seeks.access;
  }
  if (clue.function !== '') {
    crash.candidate = clue.function;
    crash.seeks &= seeks.access;
  } else crash.candidate = clue.candidate;
  if (clue.fallback !== '' && crash.fallback === '') crash.fallback = clue.fallback;
  else if (clue.access === '' && clue.function === '') return;
  retitle(crash);
  if (crash.title !== title) line.title = titleId(crash.title) || crash.event;
}

/** Fills the access and, if it is certain, the function into the form. */
function retitle(crash: KernelCrash): void {
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
 * Whether a headline in another entry belongs to the same incident as the last crash: a panic after its
 * cause, one hang after the other, a consequence of an oops.
 */
export function isOneIncident(crash: KernelCrash, grave: number, position: number, uptime: number): boolean {
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
