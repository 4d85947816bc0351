/**
 * The unforeseen faults that this process met before it was started anew. The environment is all that the new
 * image of a process keeps: `<number of all>:<time of the last ones, in ms since boot, with commas>`.
 */
export const EARLIER_FAULTS = 'ROLE_FAULTS_BEFORE';

export interface EarlierFaults {
  count: number;
  /** The last ones, in ms since boot: a changed clock makes none of them recent. */
  at_ms: number[];
}

export const sinceBoot_ms = (): number => Number(process.hrtime.bigint() / 1_000_000n);

/** @returns none if the text is not of ours */
export function earlierFaults(text = process.env[EARLIER_FAULTS] ?? ''): EarlierFaults {
  const [, count, at] = /^(\d+):([\d,]*)$/.exec(text) ?? [];
  return { count: Number(count ?? 0), at_ms: (at ?? '').split(',').filter(Boolean).map(Number) };
}

export const textOf = ({ count, at_ms }: EarlierFaults): string => `${count}:${at_ms.join()}`;
