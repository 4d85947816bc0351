import { styleText } from 'node:util';
import { harmless } from '../base/text.ts';
import type { ShownLine } from '../store/read/whole_lines.ts';
import { gapText, nulsText, parseGap, parseNuls, parseSeal, sealText } from '../store/record.ts';
import { shortTime } from './format.ts';

export type Color = 'auto' | 'always' | 'never';
export type TextStyle = Parameters<typeof styleText>[0];
export type Paint = (style: TextStyle, text: string) => string;

export const painters: Record<Color, Paint> = {
  // Colors only on a terminal; respects NO_COLOR and FORCE_COLOR.
  auto: (style, text) => styleText(style, text, { stream: process.stdout }),
  always: (style, text) => styleText(style, text, { validateStream: false }),
  never: (_style, text) => text,
};

const severityStyles = new Map<string, TextStyle>([
  ['TRACE', 'dim'],
  ['DEBUG', 'dim'],
  ['WARN', 'yellow'],
  ['ERROR', 'red'],
  ['FATAL', ['bold', 'red']],
]);
/** Colors of all sources except the kernel; distinct from the colors of severities. */
const sourceStyles: TextStyle[] = ['cyan', 'green', 'blue'];

/** Formats lines for people: time in UTC, source, severity if known, text. */
export function createLogText(color: Color): (line: ShownLine) => string {
  const paint = painters[color];
  return (line) => {
    if (line.record === 'gap') return paint('yellow', harmless(gapText(parseGap(line.message))));
    if (line.record === 'nuls') return paint('dim', nulsText(parseNuls(line.message)));
    if (line.record === 'seal') return paint('bold', harmless(sealText(parseSeal(line.message))));
    const source = harmless(line.source);
    const severity = harmless(line.severity).padEnd(5);
    const style = severityStyles.get(line.severity);
    const text = `${line.went_on ? '… ' : ''}${lastSeen(line.message)}${line.goes_on ? ' …' : ''}`;
    return [
      paint('dim', shortTime(line.time)),
      paint(sourceStyle(source), source.padEnd(9)),
      style === undefined ? severity : paint(style, severity),
      style === undefined ? text : paint(style, text),
    ].join(' ');
  };
}

/** Derives the color from the name, so that a source has the same color everywhere. */
function sourceStyle(source: string): TextStyle {
  if (source === 'kernel') return 'magenta';
  let hash = 0;
  for (let at = 0; at < source.length; at++) hash = (Math.imul(hash, 33) + source.charCodeAt(at)) >>> 0;
  return sourceStyles[hash % sourceStyles.length]!;
}

/** CR, and the escape sequences that also move the cursor to the first column. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are meant
const returns = /\r|\x1b\[[01]?G/;

/** The final text of a line that overwrites itself, as progress bars do, and the number of earlier texts. */
export function lastSeen(message: string): string {
  if (!returns.test(message)) return harmless(message);
  const looks = message
    .split(returns)
    .map((part) => harmless(part))
    .filter((look) => look.trim() !== '');
  const last = looks.at(-1) ?? '';
  return looks.length < 2 ? last : `${last} (rewritten ${looks.length - 1}×)`;
}
