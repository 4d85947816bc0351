import { AfterlogError, reasonOf } from '../base/errors.ts';
import { limits } from '../base/limits.ts';

/** `error`: it does not work, or loses data. `warning`: it will under some load, crash or power loss. */
export type Level = 'ok' | 'note' | 'warning' | 'error';

/** The part of afterlog that a finding matters for. */
export type Role = 'agent' | 'consumer' | 'server' | 'migrate';

/** In the order in which they are shown. */
export const groups = {
  setup: 'What is set',
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
  /** The command that does it, where there is one. */
  command?: string;
}

export interface Finding extends Mend {
  group: Group;
  /** What was looked at: a stable name, unique with the group. */
  check: string;
  level: Level;
  roles: Role[];
  message: string;
}

type Say = (check: string, message: string, mend?: Mend) => Finding;

/** Makes findings of one group. */
export interface Reporter extends Record<Level, Say> {
  group: Group;
}

export function reporter(group: Group, roles: Role[]): Reporter {
  const say =
    (level: Level): Say =>
    (check, message, mend = {}) => ({ group, check, level, roles, message, ...mend });
  return { group, ok: say('ok'), note: say('note'), warning: say('warning'), error: say('error') };
}

/** @throws Error when the work is not done within limits.doctor.check_ms; it is then left to itself */
export async function within<T>(work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    const sentence = `no answer within ${limits.doctor.check_ms / 1000} s`;
    timer = setTimeout(() => reject(new Error(sentence)), limits.doctor.check_ms);
  });
  work.catch(() => {}); // It may fail when nobody waits for it any more.
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

/**
 * One bounded check: a failure that it does not explain itself is a finding too.
 * @param cure what may mend such a failure
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
    const message = `${groups[say.group]} could not be looked at (${name}): ${reasonOf(error)}`;
    return [say.warning(name, message, known === undefined ? {} : { cure: known })];
  }
}

/** `1 log`, `2 logs`. */
export const many = (count: number, what: string, plural = `${what}s`): string =>
  `${count} ${count === 1 ? what : plural}`;
