import { bytes } from '../line/bytes.ts';
import { severity } from './severity.ts';

const { LOWER_CASE } = bytes;

/** The words for each level. In brackets and after `level=` they count in any case. */
export const levelWords: Readonly<Record<Exclude<keyof typeof severity, 'none'>, readonly string[]>> = {
  trace: ['trace', 'trc', 'verbose', 'finest', 'finer'],
  debug: ['debug', 'dbg', 'fine', 'debug1', 'debug2', 'debug3', 'debug4', 'debug5', 'db'],
  info: [
    'info',
    'inf',
    'information',
    'informational',
    'notice',
    'note',
    'log',
    'config',
    'in',
    'no',
    'hint',
    'detail',
    'statement',
  ],
  warn: ['warn', 'warning', 'wrn', 'wa'],
  error: ['error', 'err', 'severe', 'er', 'failure'],
  fatal: ['fatal', 'ftl', 'critical', 'crit', 'alert', 'emerg', 'emergency', 'panic', 'dpanic'],
};
/** Words that also occur in sentences. They count only next to a sign that shows a level. */
const needSign = new Set([
  'fine',
  'finer',
  'finest',
  'db',
  'in',
  'no',
  'wa',
  'er',
  'note',
  'log',
  'config',
  'hint',
  'detail',
  'statement',
  'alert',
  'panic',
  'failure',
]);

export interface LevelWord {
  text: Buffer;
  severity: number;
  needsSign: boolean;
}

const SLOTS = 512;
const wordAt: (LevelWord | undefined)[] = new Array(SLOTS).fill(undefined);
/** A hash table, because every word of a text may be a level. */
const slotOf = (b: Uint8Array, at: number, length: number): number =>
  ((b[at]! | LOWER_CASE) * 31 +
    (b[at + 1]! | LOWER_CASE) * 7 +
    (b[at + length - 1]! | LOWER_CASE) * 3 +
    length * 57) %
  SLOTS;
for (const [name, words] of Object.entries(levelWords)) {
  for (const word of words) {
    const text = Buffer.from(word);
    let slot = slotOf(text, 0, text.length);
    while (wordAt[slot]) slot = (slot + 1) % SLOTS;
    const needsSign = needSign.has(word);
    wordAt[slot] = { text, severity: severity[name as keyof typeof severity], needsSign };
  }
}

const beginsLevel = new Uint8Array(32 * 16);
for (const word of wordAt) if (word) beginsLevel[(word.text[0]! & 31) * 16 + word.text.length] = 1;

/**
 * Whether any level has this first letter and this length (at most 13). This excludes most words of a text.
 */
export const mayBeLevel = (first: number, length: number): boolean =>
  beginsLevel[(first & 31) * 16 + length] === 1;

/** The level word in b[at, end) in any case, or undefined. */
export function levelWord(b: Uint8Array, at: number, end: number): LevelWord | undefined {
  const length = end - at;
  if (length < 2 || length > 13) return undefined;
  for (let slot = slotOf(b, at, length); ; slot = (slot + 1) % SLOTS) {
    const word = wordAt[slot];
    if (word === undefined) return undefined;
    if (word.text.length !== length) continue;
    let same = 0;
    while (same < length && (b[at + same]! | LOWER_CASE) === (word.text[same]! | LOWER_CASE)) same++;
    if (same === length) return word;
  }
}

/** The severity of the level b[at, end) in any case, for JSON fields; 0 if it is no level. */
export const severityOfWord = (b: Uint8Array, at: number, end: number): number =>
  levelWord(b, at, end)?.severity ?? 0;
