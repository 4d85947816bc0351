import { type Incident, incidentsOf } from './incidents.ts';
import type { Tally } from './measures.ts';
import { type EvalRow, rowsOfLines } from './rows.ts';

/** A log that is, or is not, a crash of the kernel. */
export interface CrashCase {
  id: string;
  expected_crash: boolean;
  expected_title: string | null;
  alt_titles: string[];
  expected_type: string | null;
  corrupted: boolean;
  log: string;
}

/** Reports that no kernel in production prints, or no kernel at all. */
const isForeign = ({ expected_title }: CrashCase): boolean =>
  /^(?:KMSAN|KCSAN|SYZFAIL|trusty|go runtime error|unexpected kernel reboot)/.test(expected_title ?? '');

export function measureCrash(set: string, one: CrashCase, recorded_ms: number, tally: Tally): void {
  const rows = rowsOfLines(one.log.split('\n'), recorded_ms);
  const incidents = incidentsOf(rows);
  const [first] = incidents.filter(({ event }) => event.startsWith('kernel.') || event.endsWith('.missing'));
  const said = first === undefined ? 'nothing' : `${first.event} ${first.title}`;
  const miss = `${one.id} ${one.expected_title}${one.corrupted ? ' (corrupted)' : ''} → ${said}`;
  if (!one.expected_crash) {
    tally.add(set, 'no crash', first ? 'false alarm' : 'silent', ['silent', 'false alarm'], miss);
    return;
  }
  const sets = isForeign(one) ? [set] : [set, `${set}, production`];
  const isFound = first !== undefined || isOtherwiseFound(one, rows, incidents);
  for (const name of sets) {
    tally.add(name, 'crash', isFound ? 'found' : 'missed', ['found', 'missed'], miss);
    if (first === undefined) continue;
    const title = titleOutcome(one, first.title);
    const isLetter = [one.expected_title, ...one.alt_titles].includes(first.title);
    tally.add(name, 'title, to the letter', isLetter ? 'exact' : 'other', ['exact', 'other']);
    tally.add(name, 'title', title, ['exact', 'other function', 'other'], miss);
    if (!one.corrupted)
      tally.add(name, 'title, log not corrupted', title, ['exact', 'other function', 'other']);
    const isClass = title !== 'other';
    tally.add(name, 'title, class', isClass ? 'right' : 'wrong', ['right', 'wrong']);
  }
}

/** Whether a case that is no crash of the kernel was recognized: the crash of a program, or one more boot. */
function isOtherwiseFound({ expected_title }: CrashCase, rows: EvalRow[], incidents: Incident[]): boolean {
  if (expected_title === 'go runtime error') return incidents.some(({ event }) => event.startsWith('app.'));
  const first = rows.findIndex(({ source }) => source === 'kernel');
  const isReboot = rows.some(({ event }, at) => event === 'boot.start' && at > first);
  return expected_title === 'unexpected kernel reboot' && isReboot;
}

/** A report that is cut off (`in corrupted`) has no function in its title. */
function titleOutcome({ expected_title, alt_titles }: CrashCase, title: string): string {
  const wanted = [expected_title!, ...alt_titles];
  if (wanted.includes(title)) return 'exact';
  const unnamed = wanted.map((text) => text.replace(/ in corrupted$/, ''));
  if (unnamed.includes(title)) return 'exact';
  return unnamed.some((text) => classOf(text) === classOf(title)) ? 'other function' : 'other';
}

const classOf = (title: string): string => title.replace(/(^|.) in .*/, '$1').replace(/\/.*/, '');
