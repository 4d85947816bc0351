/**
 * Measures the parser on a folder of log data with ground truth.
 *
 *   npm run eval -- FOLDER [--misses]
 *
 * Every .jsonl below FOLDER is a set, one case a line; what a case measures follows from its fields: `ts_text`, `expected_level`,
 * `contains_timestamp` (lines), `groups` (lines that belong together), `expected_groups_text`, `derived.victims` (kernel
 * reports). A truth.json is a list of recorded consoles beside it. `--misses` also prints each case that differs.
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

/** When the cases count as written: it gives stamps without a year theirs. */
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
