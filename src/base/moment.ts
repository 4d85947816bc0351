/** The allowed forms, for messages. */
export const MOMENT_ALLOWED =
  'a time as it is printed (2026-11-23 20:28:51.000, UTC), RFC 3339 (2026-11-23T21:28:51+01:00), a date, ' +
  'a time ago (90s, 15m, 2h30m, 3d), or seconds since 1970';

const unit_ms = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
const ago = /^(?:\d{1,6}[smhd])+$/;
/** Seconds; 12 to 14 digits are milliseconds. Fewer than 9 digits more likely lack a unit than mean 1970. */
const epoch = /^(\d{9,11})(?:\.(\d{1,9}))?$/;
const written = /^(\d{4}-\d\d-\d\d)(?:[Tt ](\d\d:\d\d)(:\d\d)?(?:\.(\d{1,9}))?([Zz]|[+-]\d\d:\d\d)?)?$/;

/**
 * A time as people and programs write it, in ns since 1970; null for anything else. Without a zone it is UTC.
 */
export function readMoment(now_ms: number, text: string): bigint | null {
  const moment = fromAgo(now_ms, text) ?? fromEpoch(text) ?? fromWritten(text);
  // Timestamps are nanoseconds in 64 bits; that range ends in 2262.
  return moment === null || moment < 0n || moment >= 2n ** 63n ? null : moment;
}

function fromAgo(now_ms: number, text: string): bigint | null {
  if (!ago.test(text)) return null;
  let ms = now_ms;
  for (const [, count, unit] of text.matchAll(/(\d+)([smhd])/g)) {
    ms -= Number(count) * unit_ms[unit as keyof typeof unit_ms];
  }
  return BigInt(ms) * 1_000_000n;
}

function fromEpoch(text: string): bigint | null {
  if (/^\d{12,14}$/.test(text)) return BigInt(text) * 1_000_000n;
  const [, seconds, fraction] = epoch.exec(text) ?? [];
  return seconds === undefined ? null : BigInt(seconds) * 1_000_000_000n + nanoseconds(fraction);
}

function fromWritten(text: string): bigint | null {
  const [, date, minutes = '00:00', seconds = ':00', fraction, zone = 'Z'] = written.exec(text) ?? [];
  if (date === undefined) return null;
  const ms = Date.parse(`${date}T${minutes}${seconds}${zone.toUpperCase()}`);
  if (Number.isNaN(ms) || !isDay(date)) return null;
  return BigInt(ms) * 1_000_000n + nanoseconds(fraction);
}

/** Date.parse reads the 31st of February as the 3rd of March. */
const isDay = (date: string): boolean => new Date(date).toISOString().startsWith(date);

const nanoseconds = (fraction = ''): bigint => BigInt(fraction.padEnd(9, '0'));
