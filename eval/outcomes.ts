import { bootsOf, incidentsOf, outcomeOf } from './incidents.ts';
import type { Tally } from './measures.ts';
import { type EvalRow, rowsOfLines } from './rows.ts';

/** A recorded console, and what a person saw in it. */
export interface RecordedBoot {
  file: string;
  boot_ready?: boolean;
  failure_kind?: string;
  boots?: number;
  headlines?: { line: number; text: string }[];
  ready_line_no?: number | null;
}

/** The outcome of a boot that never became ready, by the kind of failure in the recording. */
const outcomes: Record<string, string> = {
  init_died: 'panicked',
  kernel_panic: 'panicked',
  kernel_oops: 'panicked',
  rootfs_missing: 'no_rootfs',
  initrd_corrupt: 'no_rootfs',
  init_missing: 'no_init',
  oom_panic: 'panicked',
};
/** The events of the failures that the kernel reports. */
const kernelKinds: Record<string, RegExp> = {
  kernel_oops: /^kernel\.(?:oops|panic)$/,
  kernel_panic: /^kernel\.panic$/,
  init_died: /^kernel\.panic$/,
  initrd_corrupt: /^rootfs\.missing$/,
  rootfs_missing: /^rootfs\.missing$/,
  hung_task: /^kernel\.hang$/,
  soft_lockup: /^kernel\.hang$/,
  rcu_stall: /^kernel\.hang$/,
  oom_kill: /^kernel\.oom$/,
  oom_panic: /^kernel\.(?:oom|panic)$/,
  io_error: /^disk\.error$/,
  mount_failed: /^disk\.error$/,
};

export function measureRecorded(
  set: string,
  one: RecordedBoot,
  rows: readonly EvalRow[],
  tally: Tally,
): void {
  if (one.boot_ready === undefined) return;
  const boots = bootsOf(rows);
  const kind = one.failure_kind ?? 'none';
  const wanted = one.boot_ready ? 'ready' : (outcomes[kind] ?? 'not_ready');
  const got = outcomeOf(boots.findLast((events) => events.has('boot.ready')) ?? boots[0]!);
  tally.add(
    set,
    'boot outcome',
    got === wanted ? 'right' : 'wrong',
    ['right', 'wrong'],
    `${one.file} ${wanted} → ${got}`,
  );
  const starts = rows.filter(({ event }) => event === 'boot.start').length;
  tally.add(
    set,
    'boots',
    starts === one.boots ? 'right' : 'wrong',
    ['right', 'wrong'],
    `${one.file} ${one.boots} → ${starts}`,
  );
  if (one.ready_line_no) {
    const row = rows.findIndex(({ event }) => event === 'boot.ready') + 1;
    const isSame = Math.abs(row - one.ready_line_no) <= 3;
    tally.add(
      set,
      'ready line',
      isSame ? 'right' : 'other',
      ['right', 'other'],
      `${one.file} ${one.ready_line_no} → ${row}`,
    );
  }
  const events = rows.map(({ event }) => event).filter((event) => event !== '');
  const pattern = kernelKinds[kind];
  if (pattern) {
    const isFound = events.some((event) => pattern.test(event));
    tally.add(
      set,
      'failure',
      isFound ? 'found' : 'missed',
      ['found', 'missed'],
      `${one.file} ${kind} → ${[...new Set(events)]}`,
    );
  } else {
    const said = incidentsOf(rows).filter(({ event }) => /^kernel\.(?!oom)/.test(event));
    const isSilent = said.length === 0;
    tally.add(
      set,
      'no crash of the kernel',
      isSilent ? 'silent' : 'false alarm',
      ['silent', 'false alarm'],
      `${one.file} → ${said[0]?.title}`,
    );
  }
  for (const { line, text } of one.headlines ?? []) {
    const row = rows[line - 1];
    const entry = rows.filter(({ entry_position }) => entry_position === row?.entry_position);
    const isMarked =
      entry.some(({ event }) => event !== '') ||
      rows.some((other) => other.event !== '' && other.text === row?.text);
    tally.add(set, 'headline marked', isMarked ? 'yes' : 'no', ['yes', 'no'], `${one.file} ${text}`);
  }
}

export interface OomCase {
  id: string;
  lines: string[];
  oom_type?: string;
  expected?: { ooms?: { ProcessName: string; ContainerName: string }[] };
  derived: { victims: { name: string }[]; triggers: string[]; constraint: string[] };
}

export function measureOom(set: string, one: OomCase, recorded_ms: number, tally: Tally): void {
  const rows = rowsOfLines(one.lines, recorded_ms);
  const ooms = incidentsOf(rows).filter(({ event }) => event === 'kernel.oom');
  const said = ooms.map(({ title }) => title).join('; ');
  tally.add(set, 'OOM', ooms.length > 0 ? 'found' : 'missed', ['found', 'missed'], one.id);
  for (const { name } of one.derived.victims) {
    const isNamed = ooms.some(({ title }) => title.endsWith(`Killed process ${name}`));
    tally.add(set, 'victim', isNamed ? 'right' : 'wrong', ['right', 'wrong'], `${one.id} ${name} → ${said}`);
  }
  if (one.derived.victims.length > 0 && one.oom_type) {
    const isCgroup = ooms.some(({ title }) => title.startsWith('Memory cgroup'));
    const isRight = isCgroup === (one.oom_type === 'cgroup');
    tally.add(
      set,
      'cgroup or global',
      isRight ? 'right' : 'wrong',
      ['right', 'wrong'],
      `${one.id} ${one.oom_type} → ${said}`,
    );
  }
  for (const trigger of new Set(one.derived.triggers)) {
    const isThere = rows.some(
      ({ event, text }) => event === 'kernel.oom' && text.includes(`${trigger} invoked oom-killer`),
    );
    tally.add(
      set,
      'trigger on its row',
      isThere ? 'right' : 'wrong',
      ['right', 'wrong'],
      `${one.id} ${trigger}`,
    );
  }
}

export interface BootCase {
  id: string;
  lines: string[];
  expected: {
    outcome?: string;
    'linux.boot.kernel_started'?: boolean;
    'linux.boot.prompt'?: boolean;
    errors?: { error_type: string; error_summary: string }[];
  };
}

const lavaOutcomes: Record<string, string[]> = {
  kernel_boot_ok: ['ready', 'not_ready'],
  ramdisk_alert: ['no_rootfs'],
  panic_no_init: ['panicked'],
};

/** Serial logs of test farms, with boot loader, kernel and shell in one file. */
export function measureBoot(set: string, one: BootCase, recorded_ms: number, tally: Tally): void {
  const rows = rowsOfLines(one.lines, recorded_ms);
  const events = new Set(rows.map(({ event }) => event));
  const got = outcomeOf(events);
  const { expected } = one;
  if (expected.outcome !== undefined) {
    const isRight = (lavaOutcomes[expected.outcome] ?? [expected.outcome]).includes(got);
    tally.add(
      set,
      'boot outcome',
      isRight ? 'right' : 'wrong',
      ['right', 'wrong'],
      `${one.id} ${expected.outcome} → ${got}`,
    );
  }
  const prompt = expected['linux.boot.prompt'];
  if (prompt !== undefined) {
    const isRight = prompt === (got === 'ready');
    tally.add(set, 'prompt', isRight ? 'right' : 'wrong', ['right', 'wrong'], `${one.id} ${prompt} → ${got}`);
  }
  const crashes = (expected.errors ?? []).filter(({ error_type }) =>
    /kernel\.(?!error_return_code|hint)/.test(error_type),
  );
  for (const { error_type, error_summary } of crashes) {
    const entries = new Set(
      rows.filter(({ event }) => /^kernel|missing/.test(event)).map((row) => row.entry_position),
    );
    const isFound = rows.some(
      ({ entry_position, text }) => entries.has(entry_position) && overlaps(text, error_summary),
    );
    tally.add(
      set,
      'kernel errors',
      isFound ? 'found' : 'missed',
      ['found', 'missed'],
      `${one.id} ${error_type} ${error_summary}`,
    );
  }
  if (crashes.length === 0 && expected.errors !== undefined) {
    const [first] = incidentsOf(rows).filter(({ event }) => event.startsWith('kernel.'));
    tally.add(
      set,
      'no kernel errors',
      first ? 'false alarm' : 'silent',
      ['silent', 'false alarm'],
      `${one.id} → ${first?.title}`,
    );
  }
}

const overlaps = (text: string, summary: string): boolean => text.includes(summary.slice(0, 18));
