import { AfterlogError } from '../../base/errors.ts';
import { harmless } from '../../base/text.ts';
import type { Settings } from '../../config/settings.ts';
import type { Letter } from '../../dlq/letter.ts';
import type { Letters } from '../../dlq/letters.ts';
import { inGroups, type ReplayOutcome, replay } from '../../dlq/replay.ts';
import { requireSchema } from '../../store/care/migrate.ts';
import { explaining } from '../../store/query.ts';
import { countText } from '../../store/record.ts';
import { jsonLine, print } from '../output.ts';
import { withLetters } from './dlq.ts';

/**
 * `afterlog dlq replay ID…|--all`. @returns the exit code: 1 if one that was named, or one of all that could be
 * replayed, is not. @throws AfterlogError USAGE, LETTER_UNKNOWN, and what replay() throws
 */
export async function replayLetters(
  settings: Settings,
  ids: string[],
  options: { all?: boolean; json?: boolean },
): Promise<number> {
  if (ids.length > 0 === (options.all === true)) {
    throw new AfterlogError('USAGE', 'Name the dead letters to replay, or say --all.');
  }
  const counts: Counts = { replayed: 0, before: 0, refused: 0, coming: 0, hopeless: 0 };
  await withLetters(settings, async (box, store) => {
    await requireSchema(store.client, store.database).catch(explaining(store));
    try {
      for await (const group of inGroups(options.all ? box.all() : named(box, ids))) {
        for (const outcome of await replay(store, group)) await tell(outcome, counts, options);
      }
    } finally {
      if (options.all && !options.json) console.error(`${summary(counts)}.`);
    }
  });
  const open = counts.refused + counts.coming + (options.all ? 0 : counts.hopeless);
  return open > 0 ? 1 : 0;
}

async function* named(box: Letters, ids: string[]): AsyncGenerator<Letter> {
  for (const id of ids) yield await box.find(id);
}

interface Counts {
  replayed: number;
  before: number;
  refused: number;
  coming: number;
  /** Damaged, or without a place: no replay changes that. */
  hopeless: number;
}

/** Of --all, what was not tried is counted, not told. */
async function tell(
  outcome: ReplayOutcome,
  counts: Counts,
  { all, json }: { all?: boolean; json?: boolean },
): Promise<void> {
  const { state, tried, letter, place, reason } = outcome;
  const [count, text] = accountOf(outcome);
  counts[count]++;
  if (json) {
    await print(jsonLine({ id: letter.id, state, tried, rows: place.rows, reason }));
    return;
  }
  if (all && !tried) return;
  const line = `${letter.id} ${harmless(text)}`;
  if (count === 'replayed' || count === 'before') await print(`${line}\n`);
  else console.error(line);
}

function accountOf({ state, tried, place, reason }: ReplayOutcome): [keyof Counts, string] {
  switch (state) {
    case 'replayed':
      if (!tried) return ['before', `was replayed before: ${countText(place.rows, 'row')} in its place.`];
      return [
        'replayed',
        `replayed: ${countText(place.rows, 'row')} in place of ${countText(place.stand_ins, 'gap row')}.`,
      ];
    case 'damaged':
      return ['hopeless', `cannot be replayed: ${reason}`];
    case 'gone':
      return [
        'hopeless',
        'cannot be replayed: nothing stands in its place; retention took it, or it was erased.',
      ];
    case 'coming':
      return ['coming', 'cannot be replayed yet: its gap rows have not landed; try again when they have.'];
    default:
      return ['refused', `refused again, nothing changed: ${reason}`];
  }
}

const summary = ({ replayed, before, refused, coming, hopeless }: Counts): string =>
  `${replayed} replayed, ${before} before, ${refused} refused again, ${coming} still coming, ${hopeless} damaged or gone`;
