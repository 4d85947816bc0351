import { InvalidArgumentError } from 'commander';

const UNIT_MS = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/**
 * `15m`, `2h`, `3d`: so long ago; or a moment such as 2026-11-23T20:00:00Z.
 * @returns ns since 1970
 * @throws InvalidArgumentError
 */
export function momentOf(text: string): bigint {
  const ago = /^(\d{1,6})([smhd])$/.exec(text);
  const ms = ago ? Date.now() - Number(ago[1]) * UNIT_MS[ago[2] as keyof typeof UNIT_MS] : Date.parse(text);
  const isMoment = ago !== null || /^\d{4}-\d\d-\d\d/.test(text);
  if (!isMoment || Number.isNaN(ms)) {
    throw new InvalidArgumentError('A time is needed, such as 15m, 2h, 3d or 2026-11-23T20:00:00Z.');
  }
  return BigInt(ms) * 1_000_000n;
}
