import { InvalidArgumentError } from 'commander';
import { MOMENT_ALLOWED, readMoment } from '../base/moment.ts';

/**
 * What `--since` and `--until` take, in ns since 1970. Where no zone is named it is UTC, as everything printed is.
 * @throws InvalidArgumentError that says what is allowed
 */
export const momentOf = (text: string): bigint => momentAt(Date.now(), text);

/** The same, read at another time than now. */
export function momentAt(now_ms: number, text: string): bigint {
  const moment = readMoment(now_ms, text);
  if (moment === null) throw new InvalidArgumentError(`Allowed: ${MOMENT_ALLOWED}.`);
  return moment;
}
