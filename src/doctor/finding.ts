import { AfterlogError, reasonOf } from '../base/errors.ts';
import { limits } from '../base/limits.ts';

/**
 * `error`: afterlog does not work, or loses data. `warning`: so under some load, or after a crash or power
 * loss.
 */
export type Level = 'ok' | 'note' | 'warning' | 'error';

/** The part of afterlog that a finding matters for. */
export type Role = 'agent' | 'consumer' | 'server' | 'migrate';

/** Titles, in the order of the output. */
export const groups = {
  setup: 'Settings',
  files: 'Sandboxes and their logs',
  pins: 'Pins',
  state: 'State dir',
  disk: 'Disk',
  inotify: 'inotify',
  limits: 'Open files',
  kafka: 'Kafka',
  topic: 'Topics',
  group: 'Consumer group',
  clickhouse: 'ClickHouse',
  rights: 'ClickHouse rights',
  clock: 'Clock',
} as const;
export type Group = keyof typeof groups;

export interface Mend {
  /** What to do. */
  cure?: string;
  /** A shell command that does it. */
  command?: string;
}

export interface Finding extends Mend {
  group: Group;
  /** Stable name of the check, unique within the group. */
  check: string;
  level: Level;
  roles: Role[];
  message: string;
}

type Say = (check: string, message: string, mend?: Mend) => Finding;

/** Functions that make findings of one group. */
export interface Reporter extends Record<Level, Say> {
  group: Group;
}

export function reporter(group: Group, roles: Role[]): Reporter {
  const say =
    (level: Level): Say =>
    (check, message, mend = {}) => ({ group, check, level, roles, message, ...mend });
  return { group, ok: say('ok'), note: say('note'), warning: say('warning'), error: say('error') };
}

/**
 * @throws Error if the work takes longer than limits.doctor.check_ms; it continues, but its result is ignored
 */
export async function within<T>(work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    const sentence = `no answer within ${limits.doctor.check_ms / 1000} s`;
    timer = setTimeout(() => reject(new Error(sentence)), limits.doctor.check_ms);
  });
  work.catch(() => {}); // It may fail after the timeout.
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Runs one check with a time limit. A failure of the check becomes a finding.
 * @param cure for such a failure, if the error has none
 */
export async function check(
  say: Reporter,
  name: string,
  look: () => Promise<Finding[]>,
  cure?: string,
): Promise<Finding[]> {
  try {
    return await within(look());
  } catch (error) {
    const known = error instanceof AfterlogError ? error.cure : cure;
    const message = `${groups[say.group]}: the check '${name}' failed: ${reasonOf(error)}`;
    return [say.warning(name, message, known === undefined ? {} : { cure: known })];
  }
}

/** `1 log`, `2 logs`. */
export const many = (count: number, what: string, plural = `${what}s`): string =>
  `${count} ${count === 1 ? what : plural}`;
