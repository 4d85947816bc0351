import type { Tally } from './measures.ts';
import { type EvalRow, rowsOfLines } from './rows.ts';

export interface KernelCase {
  id: string;
  lines: string[];
  /** The crash reports that another project extracts. */
  expected_groups_text?: string[];
  /** OOM reports: the victims. */
  derived?: { victims?: unknown[] };
}

/** Kernel reports: whether the report that another project extracts is one entry. */
export function measureKernel(set: string, one: KernelCase, recorded_ms: number, tally: Tally): void {
  const rows = rowsOfLines(one.lines, recorded_ms);
  for (const text of one.expected_groups_text ?? []) {
    const lines = text.split('\n').filter((line) => line.trim() !== '');
    const first = rows.findIndex((row) => row.text.trimEnd() === lines[0]!.trimEnd());
    if (first < 0) continue;
    const wanted = rows
      .slice(first)
      .filter((row) => lines.includes(row.text.trimEnd()) || lines.includes(row.text));
    report(set, 'crash report', one.id, rows, wanted, tally);
  }
  if (one.derived?.victims) {
    const first = rows.findIndex((row) => row.text.includes('invoked oom-killer'));
    const last = rows.findLastIndex((row) => /Killed process \d|oom_reaper: reaped/.test(row.text));
    if (first >= 0 && last > first)
      report(set, 'OOM report', one.id, rows, rows.slice(first, last + 1), tally);
  }
}

/** Compares the wanted lines with the entry that contains most of them. */
function report(
  set: string,
  what: string,
  id: string,
  rows: EvalRow[],
  wanted: EvalRow[],
  tally: Tally,
): void {
  const sizes = new Map<number, number>();
  for (const row of wanted) sizes.set(row.entry_position, (sizes.get(row.entry_position) ?? 0) + 1);
  const [entry, held] = [...sizes].sort((a, b) => b[1] - a[1])[0]!;
  const size = rows.filter((row) => row.entry_position === entry).length;
  const overlap = held / (wanted.length + size - held);
  const outcome =
    overlap === 1 ? 'exact' : overlap >= 0.9 ? '≥ 90 % of lines' : overlap >= 0.5 ? '≥ 50 %' : 'less';
  tally.add(
    set,
    what,
    outcome,
    ['exact', '≥ 90 % of lines', '≥ 50 %', 'less'],
    `${id}: ${held} of ${wanted.length} lines, entry of ${size}`,
  );
}
