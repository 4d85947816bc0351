import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Tally } from './measures.ts';
import { measureRecorded, type RecordedBoot } from './outcomes.ts';
import { rowsOfConsole } from './rows.ts';

/** A recorded console: when it began, and how long it ran. */
export interface ConsoleCase extends RecordedBoot {
  started: string;
  wall_s: number;
  printk_lines?: number;
  printk_midline?: number;
}

/** Clocks of guest and host differ, and some stamps have whole seconds. */
const SLACK_MS = 3_000;

/** Whole consoles: the time of every row must be within the recording. */
export function measureConsole(set: string, folder: string, one: ConsoleCase, tally: Tally): void {
  const started = Date.parse(one.started);
  const ended = started + one.wall_s * 1000;
  const rows = rowsOfConsole(readFileSync(join(folder, one.file)), started, ended);
  for (const row of rows) {
    const isWithin = row.time_ms >= started - SLACK_MS && row.time_ms <= ended + SLACK_MS;
    const miss = `${one.file} ${row.timestamp_kind} ${new Date(row.time_ms).toISOString()}: ${row.text.slice(0, 80)}`;
    tally.add(set, 'time within the recording', isWithin ? 'right' : 'wrong', ['right', 'wrong'], miss);
  }
  measureRecorded(set, one, rows, tally);
  if (one.printk_lines === undefined) return;
  const expected = one.printk_lines + (one.printk_midline ?? 0);
  const kernel = rows.filter((row) => row.source === 'kernel').length;
  tally.add(
    set,
    'kernel lines, each file',
    kernel === expected ? 'exact' : 'other',
    ['exact', 'other'],
    `${one.file}: ${kernel}, truth ${expected}`,
  );
}
