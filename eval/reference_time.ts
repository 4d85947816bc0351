/**
 * The time of a stamp, read slowly with regular expressions: an independent result to compare the parser
 * with. A stamp without a zone is in UTC. A stamp without a year is in the last year in which it is not in
 * the future.
 */
const months = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];
const zones: Record<string, number> = {
  UTC: 0,
  GMT: 0,
  Z: 0,
  EST: -5,
  EDT: -4,
  CST: -6,
  CDT: -5,
  MST: -7,
  MDT: -6,
  PST: -8,
  PDT: -7,
  CET: 1,
  CEST: 2,
  EET: 2,
  EEST: 3,
  MSK: 3,
};

interface Date6 {
  year?: number;
  month: number;
  day: number;
}

/** @returns milliseconds since 1970; null if the text is no complete stamp (only a date, only minutes, …) */
export function referenceTime(text: string, recorded_ms: number): number | null {
  if (/^\d{10}(\.\d+)?$/.test(text)) return Number(text) * 1000;
  if (/^\d{13}$/.test(text)) return Number(text);
  text = text.replace(/(\/\d{4}):/, '$1 ');
  const clock = /(\d{1,2}):(\d{2}):(\d{2})(?:[.,:](\d+))?/.exec(text);
  if (!clock) return null;
  const [whole, hh, mm, ss, fraction] = clock;
  let hours = Number(hh);
  const after = text.slice(clock.index + whole.length);
  if (/^\s*PM/.test(after) && hours < 12) hours += 12;
  if (/^\s*AM/.test(after) && hours === 12) hours = 0;
  const date = dateOf(text.slice(0, clock.index), after);
  if (date === null) return null;
  const ofDay = ((hours * 60 + Number(mm)) * 60 + Number(ss)) * 1000 + Number(`0.${fraction ?? 0}`) * 1000;
  const offset_ms = zoneOf(after);
  const at = (year: number): number => Date.UTC(year, date.month - 1, date.day) + ofDay - offset_ms;
  if (date.year !== undefined) return at(date.year);
  const year = new Date(recorded_ms).getUTCFullYear();
  return at(year) > recorded_ms + 86_400_000 ? at(year - 1) : at(year);
}

function dateOf(before: string, after: string): Date6 | null {
  const named =
    /(?:(\d{1,2})[ /-])?(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.?[ /-]+(\d{1,4})(?:,? +(\d{4}))?/i.exec(
      before,
    );
  const numbers = (match: RegExpExecArray | null): number[] => (match ? match.slice(1).map(Number) : []);
  if (named) {
    const month = months.indexOf(named[2]!.toLowerCase()) + 1;
    if (named[1]) return { month, day: Number(named[1]), year: Number(named[3]) };
    const year = named[4] ?? /\b(\d{4})\b/.exec(after)?.[1];
    return { month, day: Number(named[3]), ...(year ? { year: Number(year) } : {}) };
  }
  const dayFirst = /(\d{1,2}) (jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec) /i.exec(before);
  if (dayFirst) return { month: months.indexOf(dayFirst[2]!.toLowerCase()) + 1, day: Number(dayFirst[1]) };
  let [a, b, c] = numbers(/(\d{4})[-/.](\d{2})[-/.](\d{2})/.exec(before));
  if (c) return { year: a!, month: b!, day: c };
  [a, b, c] = numbers(/(\d{2})\/(\d{2})\/(\d{4})/.exec(before));
  if (c) return { year: c, month: a!, day: b! };
  [a, b, c] = numbers(/(\d{2})\/(\d{2})\/(\d{2}) /.exec(before));
  if (c) return { year: 2000 + a!, month: b!, day: c };
  [a, b] = numbers(/^(\d{2})[-.]?(\d{2}) /.exec(before));
  return b ? { month: a!, day: b } : null;
}

function zoneOf(after: string): number {
  const numeric = /([+-])(\d{2}):?(\d{2})?/.exec(after);
  if (numeric) {
    const minutes = Number(numeric[2]) * 60 + Number(numeric[3] ?? 0);
    return (numeric[1] === '+' ? minutes : -minutes) * 60_000;
  }
  const name = /\b([A-Z]{1,4})\b/.exec(after.replace(/\b[AP]M\b/, ''));
  return (zones[name?.[1] ?? ''] ?? 0) * 3_600_000;
}
