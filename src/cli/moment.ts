import { InvalidArgumentError } from 'commander';
import { MOMENT_ALLOWED, readMoment } from '../base/moment.ts';

/**
 * Parses `--since` and `--until`. A time without a zone is UTC, like all printed times.
 * @returns ns since 1970
 * @throws InvalidArgumentError that lists the allowed forms
 */
export const momentOf = (text: string): bigint => momentAt(Date.now(), text);

/** The same, relative to `now_ms` (ms since 1970). */
export function momentAt(now_ms: number, text: string): bigint {
  const moment = readMoment(now_ms, text);
  if (moment === null) throw new InvalidArgumentError(`Allowed: ${MOMENT_ALLOWED}.`);
  return moment;
}
