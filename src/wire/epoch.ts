import { randomInt } from 'node:crypto';

/**
 * An epoch names one run of an agent: milliseconds since 1970 × 2048, plus a random part. So epochs are
 * ordered by time, two agents that start together differ, and an epoch stays a safe integer until the year
 * 2109.
 */
const EPOCHS_PER_MS = 2_048;

export const newEpoch = (): number => Date.now() * EPOCHS_PER_MS + randomInt(EPOCHS_PER_MS);

/** When an epoch began, in ms since 1970. */
export const epochMs = (epoch: number): number => Math.floor(epoch / EPOCHS_PER_MS);

/**
 * When an epoch began, in ns since 1970. The random part becomes the nanoseconds, so that gap rows of two
 * hosts that started together have different keys.
 */
export const epochStart = (epoch: number): bigint =>
  BigInt(epochMs(epoch)) * 1_000_000n + BigInt(epoch % EPOCHS_PER_MS);
