import type { Tally } from './measures.ts';
import { type EvalRow, rowsOfLines } from './rows.ts';

export interface GroupCase {
  id: string;
  language?: string;
  lines: string[];
  groups: number[][];
  group_kinds?: ('exc' | 'text')[];
}

const outcomes = ['exact', 'under-joined', 'over-joined'];

/** Lines that belong together: reports that must be one entry, and lines that must stay alone. */
export function measureGroups(set: string, one: GroupCase, recorded_ms: number, tally: Tally): void {
  const rows = rowsOfLines(one.lines, recorded_ms);
  if (rows.length !== one.lines.length) return;
  one.groups.forEach((group, at) => {
    const kind = one.group_kinds?.[at] ?? 'exc';
    const outcome = outcomeOf(rows, group);
    const first = one.lines[group[0]!]!;
    const miss = `${one.id} ${at}: ${first.slice(0, 80)}${kind === 'exc' ? split(rows, group) : ''}`;
    if (kind === 'text') tally.add(set, 'lines that stay alone', outcome, outcomes, miss);
    else {
      tally.add(set, 'reports', outcome, outcomes, miss);
      tally.add(set, `reports, ${one.language ?? 'other'}`, outcome, outcomes);
    }
  });
}

/** A group is over-joined if its entry contains a line of another group. */
function outcomeOf(rows: EvalRow[], group: number[]): string {
  const entries = new Set(group.map((index) => rows[index]!.entry_position));
  const isShared = rows.some((row, index) => !group.includes(index) && entries.has(row.entry_position));
  if (isShared) return 'over-joined';
  return entries.size > 1 ? 'under-joined' : 'exact';
}

/** The first line of the group that is not in the entry of the line before. */
function split(rows: EvalRow[], group: number[]): string {
  for (let at = 1; at < group.length; at++) {
    const [before, row] = [rows[group[at - 1]!]!, rows[group[at]!]!];
    if (before.entry_position !== row.entry_position) return ` | split before: ${row.text.slice(0, 80)}`;
  }
  return '';
}
