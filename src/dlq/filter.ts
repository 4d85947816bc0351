import { decodeValuePartly } from '../wire/decode.ts';
import { hostOf, type Letter, placeOf } from './letter.ts';
import { kindOf } from './reason.ts';

/** Which letters are wanted; each one that is given must hold. */
export interface LetterFilter {
  /** Part of the reason or of its kind, in any case. */
  reason?: string | undefined;
  host?: string | undefined;
  sandbox?: string | undefined;
  /** Set aside from this time on, and before that one, ns since 1970. */
  since?: bigint | undefined;
  until?: bigint | undefined;
  /** Partition of the topic of the batches. */
  partition?: number | undefined;
}

export const isFiltered = (filter: LetterFilter): boolean =>
  [filter.reason, filter.host, filter.sandbox, filter.since, filter.until, filter.partition].some(
    (wanted) => wanted !== undefined,
  );

/** @returns null if the rows of a letter with a damaged value do not tell whether it is of the sandbox */
export async function matches(letter: Letter, filter: LetterFilter): Promise<boolean | null> {
  const { reason, host, sandbox, since, until, partition } = filter;
  const at = BigInt(Math.trunc(letter.at_ms)) * 1_000_000n;
  if (since !== undefined && at < since) return false;
  if (until !== undefined && at >= until) return false;
  if (host !== undefined && hostOf(letter) !== host) return false;
  if (partition !== undefined && placeOf(letter)?.partition !== partition) return false;
  const words = `${kindOf(letter)} ${letter.reason}`.toLowerCase();
  if (reason !== undefined && !words.includes(reason.toLowerCase())) return false;
  return sandbox === undefined ? true : await hasRowsOf(letter, sandbox);
}

async function hasRowsOf({ value }: Letter, sandbox: string): Promise<boolean | null> {
  const { columns, fault } = await decodeValuePartly(value ?? Buffer.alloc(0));
  const found = columns.get('sandbox_id')?.values.some((id) => String(id) === sandbox) ?? false;
  return found || (fault === null ? false : null);
}
