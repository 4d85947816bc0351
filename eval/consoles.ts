import { join } from 'node:path';
import { parseFile } from '../src/parse/file.ts';
import type { Tally } from './measures.ts';

/** A recorded console: when it began and how long it ran. */
export interface ConsoleCase {
  file: string;
  started: string;
  wall_s: number;
  printk_lines?: number;
}

/** Clocks of guest and host, and stamps of whole seconds. */
const SLACK_MS = 3_000;

/** Whole consoles: every row's time must lie within the recording. */
export function measureConsole(set: string, folder: string, one: ConsoleCase, tally: Tally): void {
  const started = Date.parse(one.started);
  const rows = [...parseFile(join(folder, one.file), 'console')];
  for (const row of rows) {
    const time_ms = Date.parse(row.timestamp);
    const isWithin = time_ms >= started - SLACK_MS && time_ms <= started + one.wall_s * 1000 + SLACK_MS;
    const miss = `${one.file} ${row.timestamp_kind} ${row.timestamp}: ${row.message.slice(0, 80)}`;
    tally.add(set, 'time within the recording', isWithin ? 'right' : 'wrong', ['right', 'wrong'], miss);
  }
  if (one.printk_lines === undefined) return;
  const kernel = rows.filter((row) => row.source === 'kernel').length;
  tally.add(set, 'kernel lines, each file', kernel === one.printk_lines ? 'exact' : 'other', ['exact', 'other'], `${one.file}: ${kernel}, truth ${one.printk_lines}`);
}
