import { limits } from '../../base/limits.ts';
import type { Settings } from '../../config/settings.ts';
import { isFiltered, type LetterFilter, matches } from '../../dlq/filter.ts';
import type { Letter } from '../../dlq/letter.ts';
import type { Letters } from '../../dlq/letters.ts';
import { inGroups, statesOf } from '../../dlq/replay.ts';
import type { Store } from '../../store/query.ts';
import { countText } from '../../store/record.ts';
import type { stateChoices } from '../letter_state_names.ts';
import { jsonLine, print } from '../output.ts';
import { letterObject, withLetters } from './dlq.ts';
import { ReasonCounts } from './dlq_count.ts';
import { isOpen, type Standing, standingsOf } from './letter_states.ts';
import { letterTable } from './letter_table.ts';

export interface ListOptions extends LetterFilter {
  limit: number;
  state?: (typeof stateChoices)[number];
  count?: boolean;
  json?: boolean;
}

/**
 * `afterlog dlq`: the newest dead letters and their states, of all or of those that the filter names; or how
 * many there are for each reason.
 * @throws AfterlogError of statesOf() if a state is wanted
 */
export async function listLetters(settings: Settings, options: ListOptions): Promise<void> {
  await withLetters(settings, async (box, store) => {
    const isWhole = !isFiltered(options) && options.state === undefined;
    if (options.count) await count(box, store, options);
    else if (isWhole) await showNewest(box, store, options);
    else await showMatching(box, store, options);
  });
}

async function showNewest(box: Letters, store: Store, options: ListOptions): Promise<void> {
  const { letters, total } = await box.newest(mostOf(options));
  await show(letters, await standingsOf(store, letters), options);
  if (total === 0) console.error(noneText(box));
  sayMore(letters.length, total);
}

async function showMatching(box: Letters, store: Store, options: ListOptions): Promise<void> {
  const most = mostOf(options);
  let kept: { letter: Letter; standing: Standing | null }[] = [];
  const newest = () => kept.toSorted((a, b) => b.letter.at_ms - a.letter.at_ms).slice(0, most);
  let total = 0;
  const unclear = await each(box, store, options, options.state !== undefined, (letter, standing) => {
    total++;
    kept.unshift({ letter: { ...letter, value: null }, standing });
    if (kept.length >= 2 * most + limits.topic.letters_at_once) kept = newest();
  });
  kept = newest();
  const letters = kept.map(({ letter }) => letter);
  const known = kept.flatMap(({ standing }) => standing ?? []);
  await show(letters, options.state === undefined ? await standingsOf(store, letters) : known, options);
  if (total === 0) console.error(`No dead letter in ${box.places.join(' or ')} is of this kind.`);
  sayMore(letters.length, total);
  sayUnclear(unclear);
}

async function count(box: Letters, store: Store, options: ListOptions): Promise<void> {
  const counts = new ReasonCounts();
  let total = 0;
  const unclear = await each(box, store, options, true, (letter, standing) => {
    total++;
    counts.add(letter, standing!);
  });
  await counts.print(options, process.stdout.columns);
  if (total === 0) console.error(noneText(box));
  sayUnclear(unclear);
}

/**
 * Calls `take` for each letter of the filter and of the state, oldest first in each place.
 * @returns the number of letters whose rows do not tell whether they are of the sandbox
 */
async function each(
  box: Letters,
  store: Store,
  options: ListOptions,
  isStateWanted: boolean,
  take: (letter: Letter, standing: Standing | null) => void,
): Promise<number> {
  let unclear = 0;
  for await (const group of inGroups(box.all())) {
    // The whole group: whether a held letter can be replayed depends on those before it.
    const standings = isStateWanted ? await groupStates(store, group, options) : null;
    for (const [at, letter] of group.entries()) {
      const standing = standings?.[at] ?? null;
      if (options.state !== undefined && !hasState(standing!, options.state)) continue;
      const isMatch = await matches(letter, options);
      if (isMatch === null) unclear++;
      if (isMatch) take(letter, standing);
    }
  }
  return unclear;
}

/** Without ClickHouse letters can still be counted, but not chosen by their states. */
const groupStates = (store: Store, group: Letter[], { state }: ListOptions): Promise<Standing[]> =>
  state === undefined ? standingsOf(store, group) : statesOf(store, group);

const hasState = (standing: Standing, wanted: string): boolean =>
  wanted === 'open' ? isOpen(standing) : standing.state === wanted;

async function show(letters: Letter[], standings: Standing[], { json }: ListOptions): Promise<void> {
  if (json) await print(letters.map((letter, at) => jsonLine(letterObject(letter, standings[at]!))).join(''));
  else if (letters.length > 0) await print(letterTable(letters, standings, process.stdout.columns));
}

const mostOf = ({ limit }: ListOptions): number => Math.min(limit, limits.topic.letters_max);
const noneText = ({ places }: Letters): string => `There are no dead letters in ${places.join(' or ')}.`;

function sayMore(shown: number, total: number): void {
  if (total > shown) console.error(`Showing the newest ${shown} of ${total}; use --limit for more.`);
}

function sayUnclear(unclear: number): void {
  if (unclear === 0) return;
  const which = `${countText(unclear, 'dead letter')} whose rows cannot be decoded`;
  console.error(`Not shown: ${which}; their sandboxes are not known.`);
}
