import { severity } from '../level/severity.ts';
import { bytes, startsWith, startsWithAny } from '../line/bytes.ts';
import { textOf } from '../line/title.ts';
import { hints } from '../line/traits.ts';
import { crashRules } from './crash_rules.ts';
import { kernelHeadlines, rawMarks } from './headline_texts.ts';

const {
  COLON,
  EQUALS,
  HASH,
  LBRACKET,
  LOWER_B,
  LOWER_I,
  LOWER_P,
  LOWER_S,
  LOWER_U,
  LOWER_V,
  SPACE,
  UPPER_B,
} = bytes;

interface Headline {
  bytes: Buffer;
  /** 0: the whole text decides whether the line marks anything. */
  severity: number;
  isAlone: boolean;
  follows: readonly Buffer[] | undefined;
}
const byFirst: (Headline[] | undefined)[] = new Array(256).fill(undefined);
const anywhere: Headline[] = [];
for (const { text, severity: how, anywhere: isAnywhere, alone, follows } of kernelHeadlines) {
  const headline = {
    bytes: Buffer.from(text),
    severity: how === undefined ? 0 : severity[how],
    isAlone: alone ?? false,
    follows: follows?.map((words) => Buffer.from(words)),
  };
  if (isAnywhere) anywhere.push(headline);
  else {
    byFirst[headline.bytes[0]!] ??= [];
    byFirst[headline.bytes[0]!]!.push(headline);
  }
}
/** A headline that does not begin the line begins within so many bytes. */
export const HEADLINE_BYTES_MAX = 64;

/** The severity of the headline b[at, end); 0 if it is none. */
export const headlineSeverity = (b: Uint8Array, at: number, end: number): number =>
  headlineOf(b, at, end)?.severity ?? 0;

/** Whether b[at, end) is a headline that more lines follow. */
export const beginsReport = (b: Uint8Array, at: number, end: number): boolean =>
  headlineOf(b, at, end)?.isAlone === false || isRule(b, at, end);

/** The headline that b[at, end) is, if any. */
export function headlineOf(b: Uint8Array, at: number, end: number): Headline | undefined {
  if (at >= end) return undefined;
  const known = byFirst[b[at]!];
  const first = known === undefined ? undefined : oneOf(known, b, at, end);
  if (first !== undefined) return first;
  const last = Math.min(end, at + HEADLINE_BYTES_MAX);
  for (let i = at; i < last; i++) {
    const byte = b[i]!;
    if (byte !== SPACE && byte !== COLON) continue;
    // ` invoked`, ` blocked`, ` [#`
    const next = b[i + 1];
    if (byte === SPACE) {
      if (next !== LOWER_I && next !== LOWER_B && (next !== LBRACKET || b[i + 2] !== HASH)) continue;
    } else if (next !== SPACE || !beginsBehindColon(b[i + 2]!)) continue;
    const headline = oneOf(anywhere, b, i, end);
    if (headline !== undefined) return headline;
  }
  return undefined;
}

/** The first of the headlines that b[at, end) begins with. */
function oneOf(headlines: readonly Headline[], b: Uint8Array, at: number, end: number): Headline | undefined {
  for (const headline of headlines) {
    if (!startsWith(b, at, end, headline.bytes)) continue;
    if (headline.follows === undefined || goesOn(b, at + headline.bytes.length, end, headline.follows))
      return headline;
  }
  return undefined;
}

/** `: page`, `: segfault`, `: unhandled`, `: vmalloc`, `: BUG` */
const beginsBehindColon = (byte: number): boolean =>
  byte === LOWER_P || byte === LOWER_S || byte === LOWER_U || byte === LOWER_V || byte === UPPER_B;

/** Whether one of the texts follows the next `: `; or is at `at`, if that follows `: ` already. */
function goesOn(b: Uint8Array, at: number, end: number, texts: readonly Buffer[]): boolean {
  if (b[at - 2] !== COLON) {
    const last = Math.min(end, at + HEADLINE_BYTES_MAX);
    while (at < last && b[at] !== COLON) at++;
    at += 2;
  }
  return startsWithAny(b, at, end, texts);
}

const rawByFirst: (Buffer[] | undefined)[] = new Array(256).fill(undefined);
/** Hashes of their first four bytes: most lines begin with none of them. */
const rawStarts = new Uint8Array(4_096);
function startOf(b: Uint8Array, at: number): number {
  return ((b[at]! * 523) ^ (b[at + 1]! * 131) ^ (b[at + 2]! * 31) ^ (b[at + 3]! * 7)) & 4_095;
}
const rawTexts = kernelHeadlines.filter(({ alone, anywhere }) => !alone && !anywhere).map(({ text }) => text);
for (const bytes of [...rawTexts, ...rawMarks].map((text) => Buffer.from(text))) {
  rawByFirst[bytes[0]!] ??= [];
  rawByFirst[bytes[0]!]!.push(bytes);
  rawStarts[startOf(bytes, 0)] = 1;
}
const cutHere = Buffer.from('------------[ cut here ]');
const oomKiller = Buffer.from(' invoked oom-killer: gfp_mask=');

/**
 * One of `hints` for a line without the kernel's stamp. Programs also print `WARNING: ` or `INFO: `, so only
 * a line that is a headline to its end begins a report.
 */
export function rawHeadline(b: Uint8Array, at: number, end: number): number {
  if (at + 4 > end) return hints.nothing;
  if (rawStarts[startOf(b, at)] === 1) {
    const texts = rawByFirst[b[at]!];
    if (texts !== undefined && startsWithAny(b, at, end, texts)) return rawReport(b, at, end);
  }
  // The name of a task has at most 15 characters.
  for (const last = Math.min(end - oomKiller.length, at + 16); at < last; at++) {
    if (b[at] === SPACE && b[at + 1] === LOWER_I && startsWith(b, at, end, oomKiller)) return hints.crash;
  }
  return hints.nothing;
}

function rawReport(b: Uint8Array, at: number, end: number): number {
  if (startsWith(b, at, end, cutHere)) return hints.crash;
  const text = textOf(b, at, end);
  return crashRules.some(({ pattern, stamped }) => !stamped && pattern.test(text)) ? hints.crash : hints.note;
}

/** A line of `=`: it separates some reports from other lines. */
export const isRule = (b: Uint8Array, at: number, end: number): boolean =>
  end - at >= 20 && b[at] === EQUALS && b[at + 1] === EQUALS && b[at + 9] === EQUALS && b[end - 1] === EQUALS;
