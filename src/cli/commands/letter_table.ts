import { limits } from '../../base/limits.ts';
import { humanBytes } from '../../base/text.ts';
import { hostOf, type Letter } from '../../dlq/letter.ts';
import { isoTime, shortTime, table } from '../format.ts';
import type { Standing } from './letter_states.ts';

/** Below this width of a terminal, a table leaves out what `afterlog dlq show` has. */
const WIDE = 120;
const HOST_CHARS = 14;

/** @param columns width of the terminal; undefined for a pipe, which gets all */
export function letterTable(letters: Letter[], standings: Standing[], columns: number | undefined): string {
  const isNarrow = columns !== undefined && columns < WIDE;
  const rows = letters.map((letter, at) => {
    const { id, origin, bytes, reason } = letter;
    const state = standings[at]!.state;
    const size = humanBytes(bytes);
    if (isNarrow) return [id, minuteOf(letter), cut(hostOf(letter), HOST_CHARS), size, state, cut(reason)];
    const from = origin ?? 'refused/';
    return [
      id,
      shortTime(timeOf(letter)),
      from,
      hostOf(letter),
      rowsOf(letter) ?? '?',
      size,
      state,
      cut(reason),
    ];
  });
  const header = isNarrow
    ? ['ID', 'WHEN', 'HOST', 'SIZE', 'STATE', 'REASON']
    : ['ID', 'WHEN', 'FROM', 'HOST', 'ROWS', 'SIZE', 'STATE', 'REASON'];
  return table(header, rows, { right: ['ROWS', 'SIZE'], width: columns });
}

const cut = (text: string, chars: number = limits.topic.reason_chars): string =>
  text.length > chars ? `${text.slice(0, chars)}…` : text;

export const timeOf = ({ at_ms }: Letter): string => isoTime(at_ms);
export const rowsOf = ({ headers }: Letter): string | null => headers.rows ?? null;
const minuteOf = (letter: Letter): string => shortTime(timeOf(letter)).slice(0, 16);
