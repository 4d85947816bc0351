/**
 * Measures the parser on a folder of log data with ground truth.
 *
 *   npm run eval -- FOLDER [--misses]
 *
 * Each .jsonl below FOLDER is a set with one case a line. The fields of a case decide what it measures:
 * `expected_crash` (crashes of the kernel), `groups` (lines that belong together), `expected_groups_text` and
 * `derived` (kernel reports), `expected_events`, `expect_oops` and `expected_detected` (headlines),
 * `expected_level`, `format` and `contains_timestamp` (single lines). Cases of sets with `boot` in their name
 * are boots. A truth.json lists recorded consoles in its folder. `--misses` also prints each case that
 * differs from the truth.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import { parseArgs } from 'node:util';
import { type ConsoleCase, measureConsole } from './consoles.ts';
import { type CrashCase, measureCrash } from './crashes.ts';
import { type GroupCase, measureGroups } from './groups.ts';
import { type HeadlineCase, measureHeadlines } from './headlines.ts';
import { type KernelCase, measureKernel } from './kernel.ts';
import { type LineCase, measureLine } from './lines.ts';
import { Tally } from './measures.ts';
import { type BootCase, measureBoot, measureOom, type OomCase } from './outcomes.ts';

/** The time at which all cases count as written. Stamps without a year get their year from it. */
const RECORDED_MS = Date.parse('2026-11-24T12:00:00Z');

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { misses: { type: 'boolean' } },
});
const [folder] = positionals;
if (folder === undefined) {
  console.error('usage: npm run eval -- FOLDER [--misses]');
  process.exit(2);
}

const tally = new Tally();
for (const name of (readdirSync(folder, { recursive: true }) as string[]).sort()) {
  const path = join(folder, name);
  if (name.endsWith('.jsonl')) measureSet(path, relative(folder, path).replace('.jsonl', ''));
  else if (basename(name) === 'truth.json') {
    const cases = JSON.parse(readFileSync(path, 'utf8')) as ConsoleCase[];
    for (const one of cases) measureConsole(dirname(name), dirname(path), one, tally);
  }
}
console.log(tally.table());
if (values.misses) console.log(`\n${tally.misses.join('\n')}`);

function measureSet(path: string, set: string): void {
  for (const line of readFileSync(path, 'utf8').split('\n')) {
    if (line === '') continue;
    const one = JSON.parse(line) as Record<string, unknown>;
    if ('expected_crash' in one) measureCrash(set, one as unknown as CrashCase, RECORDED_MS, tally);
    else if (one.groups && one.lines && !one.config)
      measureGroups(set, one as unknown as GroupCase, RECORDED_MS, tally);
    else if (one.expected_groups_text || one.derived) {
      measureKernel(set, one as unknown as KernelCase, RECORDED_MS, tally);
      if (one.derived) measureOom(set, one as unknown as OomCase, RECORDED_MS, tally);
    } else if (
      one.expected_events ||
      one.expect_oops !== undefined ||
      one.expected_detected ||
      set.endsWith('koops')
    )
      measureHeadlines(set, one as unknown as HeadlineCase, RECORDED_MS, tally);
    else if (set.includes('boot')) measureBoot(set, one as unknown as BootCase, RECORDED_MS, tally);
    else if (one.format || one.expected_level || 'contains_timestamp' in one)
      measureLine(set, one as unknown as LineCase, RECORDED_MS, tally);
  }
}
