import { AfterlogError } from '../../base/errors.ts';
import { limits } from '../../base/limits.ts';
import { harmless, humanBytes } from '../../base/text.ts';
import type { Settings } from '../../config/settings.ts';
import { hostOf, type Letter } from '../../dlq/letter.ts';
import type { Letters } from '../../dlq/letters.ts';
import { type Loss, type LostPart, lossOf } from '../../dlq/loss.ts';
import { canEnd, type LetterState, statesOf } from '../../dlq/replay.ts';
import { type Trust, trustBy } from '../../dlq/trust.ts';
import type { Store } from '../../store/query.ts';
import { countText } from '../../store/record.ts';
import { isConfirmed } from '../confirm.ts';
import { isoTime, timeOf as momentText, shortTime } from '../format.ts';
import { jsonLine, print } from '../output.ts';
import { letterObject, withLetters } from './dlq.ts';
import { timeOf } from './letter_table.ts';

/** A letter that was named to be dismissed. */
interface Named {
  /** Without its value. */
  letter: Letter;
  loss: Loss;
  state: LetterState;
}

/**
 * `afterlog dlq dismiss ID…`: shows what is lost, asks for confirmation, then dismisses the letters that are
 * named. All of them or, if one may not be dismissed, none.
 * @returns the exit code: 1 if it was not confirmed
 * @throws AfterlogError USAGE, LETTER_UNKNOWN, LETTER_OPEN, and the errors of statesOf() and Letters
 */
export async function dismissLetters(
  settings: Settings,
  ids: string[],
  options: { yes?: boolean; json?: boolean },
): Promise<number> {
  const wanted = [...new Set(ids)];
  const most = limits.topic.letters_at_once;
  if (wanted.length > most) throw new AfterlogError('USAGE', `Name at most ${most} dead letters at once.`);
  let code = 0;
  await withLetters(settings, async (box, store) => {
    const all = await lookAt(box, store, wanted, trustBy(settings));
    const open = all.filter(({ state }) => state !== 'dismissed');
    for (const one of open) console.error(lossText(one));
    const what = `Never replay ${open.length === 1 ? 'it' : `these ${countText(open.length, 'dead letter')}`}?`;
    if (open.length > 0 && options.yes !== true && !(await isConfirmed(what))) {
      console.error('Nothing was dismissed.');
      code = 1;
      return;
    }
    if (open.length > 0) await box.dismiss(open.map(({ letter }) => letter));
    for (const one of all) await print(options.json ? resultLine(one) : resultText(one));
  });
  return code;
}

/** @throws AfterlogError LETTER_UNKNOWN, LETTER_OPEN */
async function lookAt(box: Letters, store: Store, ids: string[], trust: Trust): Promise<Named[]> {
  const found: { letter: Letter; loss: Loss; fault: string | null }[] = [];
  for (const id of ids) {
    const letter = await box.find(id);
    // Values of many letters would not fit in memory together.
    found.push({ letter: { ...letter, value: null }, loss: await lossOf(letter), fault: trust(letter) });
  }
  const letters = await box.withDismissals(found.map(({ letter }) => letter));
  const standings = await statesOf(store, letters);
  const faults: string[] = [];
  for (const [at, { fault }] of found.entries()) {
    const fault_of_state = keptBy(letters[at]!, standings[at]!.state, fault);
    if (fault_of_state !== null) faults.push(`${ids[at]} ${fault_of_state}`);
  }
  if (faults.length > 0)
    throw new AfterlogError('LETTER_OPEN', `Nothing was dismissed: ${faults.join('; ')}.`);
  return found.map(({ loss }, at) => ({ letter: letters[at]!, loss, state: standings[at]!.state }));
}

/** Why a letter may not be dismissed; null if it may. @param fault why nobody may vouch for it */
function keptBy(letter: Letter, state: LetterState, fault: string | null): string | null {
  if (state === 'dismissed') return null;
  if (state === 'replayed') return 'was replayed';
  if (state === 'held' && fault === null) return 'is held and can be replayed';
  if (canEnd(letter, state)) return null;
  return state === 'coming' ? 'is still on its way; try again later' : `is ${state} and can be replayed`;
}

function lossText({ letter, loss: { parts, isWhole }, state }: Named): string {
  const { id, bytes, reason, headers } = letter;
  const shown = parts.slice(0, limits.topic.parts_shown);
  const more = parts.length - shown.length;
  const lines = [
    `${id} is ${state}, of host ${hostOf(letter) || '?'}, ${humanBytes(bytes)}, set aside ${shortTime(timeOf(letter))}`,
    `reason: ${reason}`,
    ...(headers.batch === undefined ? [] : [`batch: ${headers.batch}, ${headers.rows ?? '?'} rows`]),
    ...shown.map((part) => `lost: ${partText(part)}`),
    ...(more > 0 ? [`lost: ${countText(more, 'more part')} of streams`] : []),
    ...(isWhole
      ? []
      : [`lost: ${parts.length > 0 ? 'perhaps more' : 'what, is not known'}; not all of it can be decoded`]),
  ];
  return lines.map((line, at) => `${at === 0 ? '' : '  '}${harmless(line)}`).join('\n');
}

const partText = ({ sandbox_id, log, from, to, rows }: LostPart): string =>
  `${sandbox_id} ${log}, offsets ${from} to ${to}, ${countText(rows, 'row')}`;

const resultText = ({ letter, state }: Named): string =>
  state === 'dismissed'
    ? `${letter.id} was dismissed before, ${shortTime(isoTime(letter.dismissed_ms!))}.\n`
    : `${letter.id} dismissed.\n`;

function resultLine({ letter, loss, state }: Named): string {
  const parts = loss.parts.map(({ stream_started_at, from, to, ...part }) => ({
    ...part,
    stream_started_at: momentText(String(stream_started_at)),
    ...{ from: String(from), to: String(to) },
  }));
  const { gap_rows: _, ...about } = letterObject(letter, { state: 'dismissed', place: null });
  const was = state === 'dismissed' ? null : state;
  return jsonLine({ ...about, was, lost: { parts, whole: loss.isWhole } });
}
