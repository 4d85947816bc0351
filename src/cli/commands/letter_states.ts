import { AfterlogError } from '../../base/errors.ts';
import { limits } from '../../base/limits.ts';
import { harmless } from '../../base/text.ts';
import type { Letter } from '../../dlq/letter.ts';
import { type LetterState, statesOf } from '../../dlq/replay.ts';
import type { BatchRows } from '../../store/care/stand_ins.ts';
import type { Store } from '../../store/query.ts';

/** The state of a dead letter; `unknown` if ClickHouse does not answer. */
export interface Standing {
  state: LetterState | 'unknown';
  place: BatchRows | null;
}

/** An open letter is neither replayed nor dismissed. */
export const isOpen = ({ state }: Standing): boolean => state !== 'replayed' && state !== 'dismissed';

/** Does not fail without ClickHouse, so that dead letters can still be shown. */
export async function standingsOf(store: Store, letters: Letter[]): Promise<Standing[]> {
  const standings: Standing[] = [];
  try {
    for (let at = 0; at < letters.length; at += limits.topic.letters_at_once) {
      standings.push(...(await statesOf(store, letters.slice(at, at + limits.topic.letters_at_once))));
    }
    return standings;
  } catch (error) {
    if (!(error instanceof AfterlogError)) throw error;
    console.error(`Cannot tell which of them were replayed: ${harmless(error.message)} [${error.code}]`);
    return letters.map(knownWithout);
  }
}

/** A damaged letter is damaged whatever is stored. */
const knownWithout = ({ header, dismissed_ms }: Letter): Standing => ({
  state: header !== null ? 'unknown' : dismissed_ms === null ? 'damaged' : 'dismissed',
  place: null,
});
