import { log } from '../base/log.ts';
import type { Redactor } from '../redact/redactor.ts';
import { placeKey } from '../spool/cursor.ts';
import type { Spool, StateChanges } from '../spool/spool.ts';
import type { FoundPin } from '../tail/pins.ts';
import type { StreamTotals } from '../tail/stream.ts';
import type { TailState } from '../tail/tail_state.ts';
import { newEpoch } from '../wire/epoch.ts';
import { today } from '../wire/header.ts';
import { toSpool } from '../wire/spooled.ts';
import { type Damage, findDamage } from './damage.ts';
import { corrected, isRecounted, type Loss } from './loss.ts';
import { readAgain, StandIn, type StandInId, sealOf } from './stand_in.ts';

/** The last id that the running agent has given to a batch. */
export interface LastBatch {
  host: string;
  epoch: number;
  sequence: number;
}

/**
 * Mends the damaged places of a spool before they are sent. Lines are read again from the pins that still
 * hold them; the rest becomes gap rows. Both go under the damaged batch's own id, so that the receiver skips
 * them if the batch had arrived. States and seals that counted lost lines are corrected.
 * @param correct gets the corrected states, for the copies in memory
 * @throws AfterlogError DISK_FULL, STATE_DIR_UNUSABLE: damage that is not mended yet may be tried again
 */
export function mend(
  spool: Spool,
  pins: FoundPin[],
  last: LastBatch,
  correct: (states: unknown[]) => void,
  redactor: Redactor | null = null,
): void {
  const damages = findDamage(spool);
  for (const loss of damages.flatMap(lossesIn)) loss.bytes = readAgain(loss, pins, redactor);
  for (const [index, damage] of damages.entries()) {
    const losses = lossesIn(damage);
    const { id, isKnown } = idOf(damage, damages, last);
    const { standIn, lost, again } = fill(damage, losses, id.host);
    if (damage.isMissing) standIn.note(id, `${reasonOf(damage)}; what began and ended there is not known`);
    else if (isKnown && standIn.rows === 0)
      standIn.note(id, `${reasonOf(damage)}; files that are still there are read again`);
    const counted = [...lost, ...again.filter(isRecounted)];
    correctSeals(spool, counted, last, id.ingest_day);
    const changes = correctStates(spool, counted);
    const payload = standIn.rows === 0 ? null : toSpool(standIn.finish(id, reasonOf(damage)));
    spool.standIn(damage.place, changes, payload);
    correct(Object.values(changes));
    for (const later of damages.slice(index + 1).flatMap(lossesIn)) correctLater(later, counted);
    const bytes = again.reduce((sum, { from, to }) => sum + to! - from, 0);
    log.info(
      { over: 'SPOOL_DAMAGED', bytes, logs: again.length, gaps: lost.length },
      `The spool’s entries ${damage.reason}: ${bytes} bytes of ${again.length} logs are read again, ${lost.length} become gaps.`,
    );
  }
  // Damage that the scan does not find (the file changed meanwhile) must not stop the rest.
  for (const [key, place] of spool.broken) {
    if (!damages.some((damage) => placeKey(damage.place) === key)) spool.standIn(place, {}, null);
  }
}

const lossesIn = ({ logs }: Damage): Loss[] => [...logs.values()].flat();
const reasonOf = ({ reason }: Damage): string => `entries of the spool ${reason}`;

/** Adds the lines that can be read again and fit; a loss that does not fit becomes a gap. */
function fill(
  damage: Damage,
  losses: Loss[],
  host: string,
): { standIn: StandIn; lost: Loss[]; again: Loss[] } {
  for (;;) {
    const standIn = new StandIn(host);
    const lost: Loss[] = [];
    const again: Loss[] = [];
    const misfit = losses.find((loss) => {
      (loss.bytes === null ? lost : again).push(loss);
      if (loss.bytes === null) return false;
      const lines = standIn.lines(loss, loss.bytes);
      loss.lines = lines ?? 0;
      return lines === null;
    });
    if (misfit !== undefined) {
      misfit.bytes = null;
      continue;
    }
    for (const loss of losses) marks(standIn, loss, lost.includes(loss), reasonOf(damage));
    return { standIn, lost, again };
  }
}

function marks(standIn: StandIn, loss: Loss, isLost: boolean, reason: string): void {
  const { from, to, base, at, lostSeal } = loss;
  if (isLost || loss.hasLostGap)
    standIn.mark(loss, 'gap', from, { bytes: isLost && to !== null ? to - from : null, reason });
  if (lostSeal === null) return;
  const ended: StreamTotals = { ...base, gaps: base.gaps + 1 };
  const totals = at === null ? ended : corrected(at, loss);
  standIn.mark(loss, 'seal', totals.bytes, sealOf(totals, lostSeal));
}

/** Adds later seals again, with correct totals: the later row of a key counts. */
function correctSeals(spool: Spool, lost: Loss[], { host }: LastBatch, ingestDay: number): void {
  const seals = new StandIn(host);
  for (const loss of lost) {
    const { laterSeal } = loss;
    if (laterSeal === null) continue;
    const {
      reason,
      complete: _,
      ...told
    } = laterSeal as StreamTotals & { reason: string; complete: boolean };
    const totals = corrected(told, loss);
    seals.mark(loss, 'seal', laterSeal.bytes, sealOf(totals, reason));
  }
  if (seals.rows === 0) return;
  const id = { host, epoch: newEpoch(), sequence: 1, ingest_day: ingestDay };
  spool.append({}, toSpool(seals.finish(id, 'corrected seals')));
}

/** The totals around a later loss also count the earlier losses of its stream. */
function correctLater(later: Loss, lost: Loss[]): void {
  for (const loss of lost) {
    if (later.sandbox !== loss.sandbox || later.log !== loss.log || later.started !== loss.started) continue;
    later.base = corrected(later.base, loss);
    if (later.at !== null) later.at = corrected(later.at, loss);
    if (later.laterSeal !== null)
      later.laterSeal = { ...later.laterSeal, ...corrected(later.laterSeal, loss) };
  }
}

function correctStates(spool: Spool, lost: Loss[]): StateChanges {
  const changes: StateChanges = {};
  for (const loss of lost) {
    const key = `${loss.sandbox}/${loss.log}`;
    const state = (changes[key] ?? spool.states.get(key) ?? null) as TailState | null;
    if (state === null || state.sealed !== null || state.stream.started !== loss.started) continue;
    const { position: bytes, lines, crc32, gaps } = state.stream;
    const { bytes: position, ...totals } = corrected({ bytes, lines, crc32, gaps }, loss);
    changes[key] = { ...state, stream: { ...state.stream, position, ...totals } };
  }
  return changes;
}

/**
 * The id of the damaged batch, from the batches around it: sequences have no holes. Several damages between
 * the same two batches are numbered in order. A run of several batches gets the last of their ids; the jump
 * shows the missing ones.
 */
function idOf(damage: Damage, all: Damage[], last: LastBatch): { id: StandInId; isKnown: boolean } {
  const { previous, next } = damage;
  const between = all.filter((one) => one.previous === previous && one.next === next);
  const index = between.indexOf(damage);
  const isSame = previous !== null && previous.epoch === next?.epoch;
  const day = today();
  if (next !== null && (isSame || next.sequence > 1)) {
    const sequence = next.sequence - (between.length - index);
    const isKnown = sequence > (isSame ? previous.sequence : 0);
    if (isKnown) return { id: { ...next, sequence }, isKnown };
  } else if (previous !== null) {
    const sequence = previous.sequence + 1 + index;
    // A number that this agent has not given yet belongs to a future batch.
    if (previous.epoch !== last.epoch || sequence <= last.sequence)
      return { id: { ...previous, sequence }, isKnown: false };
  }
  const ingest_day = next?.ingest_day ?? previous?.ingest_day ?? day;
  return { id: { host: last.host, epoch: newEpoch(), sequence: 1, ingest_day }, isKnown: false };
}
