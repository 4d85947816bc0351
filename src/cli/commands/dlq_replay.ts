import { AfterlogError } from '../../base/errors.ts';
import { harmless } from '../../base/text.ts';
import type { Settings } from '../../config/settings.ts';
import type { Letter } from '../../dlq/letter.ts';
import type { Letters } from '../../dlq/letters.ts';
import { inGroups, type ReplayOutcome, replay } from '../../dlq/replay.ts';
import { trustBy } from '../../dlq/trust.ts';
import { requireSchema } from '../../store/care/migrate.ts';
import { explaining } from '../../store/query.ts';
import { countText } from '../../store/record.ts';
import { jsonLine, print } from '../output.ts';
import { withLetters } from './dlq.ts';
import { LettersLeft } from './letters_left.ts';

/**
 * `afterlog dlq replay ID…|--all`.
 * @returns the exit code: 1 if a named dead letter, or with --all one that nobody dismissed, was not replayed
 * @throws AfterlogError USAGE, SETTING_INVALID, LETTER_UNKNOWN, and the errors of replay()
 */
export async function replayLetters(
  settings: Settings,
  ids: string[],
  options: { all?: boolean; json?: boolean },
): Promise<number> {
  if (ids.length > 0 === (options.all === true)) {
    throw new AfterlogError('USAGE', 'Name the dead letters to replay, or use --all.');
  }
  const counts: Counts = {
    ...{ replayed: 0, before: 0, refused: 0, untrusted: 0, coming: 0, hopeless: 0, dismissed: 0 },
  };
  const left = new LettersLeft();
  const trust = trustBy(settings);
  await withLetters(settings, async (box, store) => {
    await requireSchema(store.client, store.database).catch(explaining(store));
    try {
      for await (const group of inGroups(options.all ? box.all() : named(box, ids))) {
        for (const outcome of await replay(store, group, trust)) {
          left.add(outcome);
          await tell(outcome, counts, options);
        }
      }
    } finally {
      if (options.all && !options.json) console.error(`${summary(counts)}.`);
      if (options.all && left.count > 0) console.error(left.text());
    }
  });
  return left.count > 0 ? 1 : 0;
}

async function* named(box: Letters, ids: string[]): AsyncGenerator<Letter> {
  // Who names a letter decides anew.
  for (const id of ids) yield { ...(await box.find(id)), dismissed_ms: null };
}

interface Counts {
  replayed: number;
  before: number;
  refused: number;
  /** Another host may have sent them. */
  untrusted: number;
  coming: number;
  /** Damaged, or without a place: they can never be replayed. */
  hopeless: number;
  dismissed: number;
}

/** Prints the outcome and counts it. With --all, it prints only letters that it tried to replay. */
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
    case 'dismissed':
      return ['dismissed', 'was dismissed.'];
    case 'damaged':
      return ['hopeless', `cannot be replayed: ${reason}`];
    case 'gone':
      return [
        'hopeless',
        'cannot be replayed: neither its rows nor gap rows are stored; they expired or were erased.',
      ];
    case 'coming':
      return [
        'coming',
        'cannot be replayed yet: its gap rows, or the batches before it, are not stored yet; try again later.',
      ];
    case 'untrusted':
      return ['untrusted', `not replayed: ${reason}`];
    default:
      return ['refused', `refused again, nothing changed: ${reason}`];
  }
}

const summary = ({ replayed, before, refused, untrusted, coming, hopeless, dismissed }: Counts): string =>
  [
    `${replayed} replayed, ${before} replayed before, ${refused} refused again`,
    ...(untrusted > 0 ? [`${untrusted} not replayed for their signatures`] : []),
    `${coming} not possible yet, ${hopeless} damaged or gone`,
    ...(dismissed > 0 ? [`${dismissed} dismissed`] : []),
  ].join(', ');
