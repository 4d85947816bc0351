import { incidentsOf } from './incidents.ts';
import type { Tally } from './measures.ts';
import { type EvalRow, rowsOfLines } from './rows.ts';

/** A kernel log, with the lines that another project reports as errors. */
export interface HeadlineCase {
  id: string;
  lines: string[];
  /** lkp-tests */
  expected_events?: { error_id: string; message: string; line_indexes: number[] }[];
  /** abrt */
  expect_oops?: boolean;
  expected_count?: number | null;
  expected_count_min?: number;
  /** squad */
  expected_detected?: [string, string][];
  /** satyr: the whole log is one report. */
  expected?: unknown;
}

/**
 * Whether the id names the headline of a report, not for a line of its body or a message of a driver.
 */
const isHeadline = (id: string): boolean =>
  /^(?:BUG|WARNING:at|WARNING:(?:possible|suspicious|inconsistent)|INFO:(?:rcu|task|possible|suspicious|trying)|Kernel_panic|kernel_BUG|general_protection|divide|invalid_opcode|Oops|UBSAN|invoked_oom|PANIC|segment|int3|related_gen|.*#\[##\])/.test(
    id,
  ) && !/kernel_boot|early-boot|kernel_hang|kernel_crash|test_/.test(id);

const isCrash = ({ event }: EvalRow): boolean => /^kernel\.|missing$/.test(event);

export function measureHeadlines(set: string, one: HeadlineCase, recorded_ms: number, tally: Tally): void {
  const rows = rowsOfLines(one.lines, recorded_ms);
  const crashes = incidentsOf(rows).filter(({ event }) => /^kernel\.|missing$/.test(event));
  const said = `${one.id} → ${crashes.map(({ title }) => title).join('; ')}`;
  for (const { error_id, message, line_indexes } of one.expected_events ?? []) {
    if (!isHeadline(error_id) || line_indexes.length === 0) continue;
    const wanted = rows[line_indexes[0]!];
    const entry = wanted?.entry_position;
    const isFound =
      rows.some((row) => isCrash(row) && row.entry_position === entry) ||
      rows.some((row) => isCrash(row) && row.text.trim() === message.trim());
    tally.add(set, 'headlines', isFound ? 'found' : 'missed', ['found', 'missed'], `${one.id} ${message}`);
  }
  if (one.expect_oops !== undefined) {
    const isFound = crashes.length > 0;
    if (one.expect_oops)
      tally.add(
        set,
        'crash',
        isFound ? 'found' : 'missed',
        ['found', 'missed'],
        `${said} ${one.lines.find((line) => line.length > 30)?.slice(0, 100)}`,
      );
    else tally.add(set, 'no crash', isFound ? 'false alarm' : 'silent', ['silent', 'false alarm'], said);
  } else if (one.expected_detected) {
    const kinds = one.expected_detected.filter(([, name]) => name.startsWith('check-kernel'));
    if (kinds.length > 0)
      tally.add(set, 'crash', crashes.length > 0 ? 'found' : 'missed', ['found', 'missed'], said);
    const count = crashes.length === 0 && kinds.length > 0 ? 'missed' : 'ok';
    tally.add(set, 'crashes told', count, ['ok', 'missed'], `${said} | ${kinds.map(([, name]) => name)}`);
  } else if (!one.expected_events) {
    tally.add(
      set,
      'crash',
      crashes.length > 0 ? 'found' : 'missed',
      ['found', 'missed'],
      `${one.id} ${one.lines.slice(0, 2).join(' | ').slice(0, 160)}`,
    );
    tally.add(set, 'one report, one crash', crashes.length <= 1 ? 'one' : 'more', ['one', 'more'], said);
  }
}
