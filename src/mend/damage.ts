import { type Cursor, placeKey } from '../spool/cursor.ts';
import { entryKind } from '../spool/entry.ts';
import type { Scanned } from '../spool/scan.ts';
import type { Spool, StateChanges } from '../spool/spool.ts';
import type { TailState } from '../tail/tail_state.ts';
import { type ColumnValue, decodeValue, rowsOf } from '../wire/decode.ts';
import type { BatchHeader } from '../wire/header.ts';
import { fromSpool } from '../wire/spooled.ts';
import { type Loss, lossesOf, type SpooledRow, sealIn } from './loss.ts';

type ScannedEntry = Extract<Scanned, { what: 'entry' }>;

/** A damaged place in the spool that nothing stands in for yet, and the rows that are lost with it. */
export interface Damage {
  place: Cursor;
  reason: string;
  /**
   * The states before it. `isBlind`: a snapshot is damaged, too, so that states may be missing among them.
   */
  before: Map<string, unknown>;
  isBlind: boolean;
  /** Entries are missing: a log may have begun and ended among them without a trace. */
  isMissing: boolean;
  /** The undamaged batches before and after it. */
  previous: BatchHeader | null;
  next: BatchHeader | null;
  logs: Map<string, Loss[]>;
}

/** Finds the losses: compares each log's state before a damage with the first known state after it. */
export function findDamage(spool: Spool): Damage[] {
  const states = new Map<string, unknown>();
  const damages: Damage[] = [];
  let isBlind = false;
  let previous = null as BatchHeader | null;
  for (const found of spool.scan(states)) {
    if (found.what === 'blind') isBlind = true;
    else if (found.what === 'damage') {
      const { place, until, reason } = found;
      const isMissing = place.segment !== until.segment;
      if (!spool.broken.has(placeKey(place))) {
        // The batch that was here is delivered, or another one stands in for it.
        if (previous !== null) previous = { ...previous, sequence: previous.sequence + 1 };
        continue;
      }
      damages.push({
        ...{
          place,
          reason,
          before: new Map(states),
          isBlind,
          isMissing,
          previous,
          next: null,
          logs: new Map(),
        },
      });
    } else {
      if (found.kind === entryKind.snapshot) isBlind = false;
      if (found.kind === entryKind.batch) {
        previous = fromSpool(found.payload).header;
        for (const damage of damages) damage.next ??= previous;
      }
      const rows = lazyRows(found);
      if (found.kind === entryKind.snapshot) seeAll(damages, found.changes);
      else see(damages, found.changes, rows);
    }
  }
  seeAll(damages, Object.fromEntries(spool.states));
  return damages;
}

function see(damages: Damage[], changes: StateChanges, rows: (key: string) => SpooledRow[]): void {
  for (const [key, state] of Object.entries(changes) as [string, TailState | null][]) {
    const firstOf = damages.filter(({ logs }) => !logs.has(key));
    for (const loss of damages.flatMap(({ logs }) => logs.get(key) ?? [])) {
      if (loss.laterSeal !== null || loss.lostSeal !== null) continue;
      const isOver = state === null || state.sealed !== null || state.stream.started !== loss.started;
      if (isOver) loss.laterSeal = sealIn(rows(key), loss.started);
    }
    compare(firstOf, key, state, () => rows(key));
  }
}

/** A snapshot has the state of every log, also of those that no entry since the damage mentioned. */
function seeAll(damages: Damage[], states: StateChanges): void {
  const known = damages.flatMap(({ before }) => [...before.keys()]);
  for (const key of new Set([...known, ...Object.keys(states)])) {
    const firstOf = damages.filter(({ logs }) => !logs.has(key));
    compare(firstOf, key, (states[key] as TailState | undefined) ?? null, () => []);
  }
}

/** @param damages those since which no entry mentioned this log; the first one gets the losses */
function compare(damages: Damage[], key: string, after: TailState | null, rows: () => SpooledRow[]): void {
  const slash = key.lastIndexOf('/');
  const name = { sandbox: key.slice(0, slash), log: key.slice(slash + 1) };
  for (const [index, { before: states, isBlind, logs }] of damages.entries()) {
    const before = (states.get(key) as TailState | undefined) ?? null;
    const isUnknown = isBlind && before === null;
    logs.set(key, index > 0 || isUnknown ? [] : lossesOf(name, before, after, rows()));
  }
}

/** The rows of an entry by log; decoded at the first call. */
function lazyRows({ kind, payload }: ScannedEntry): (key: string) => SpooledRow[] {
  let byLog: Map<string, SpooledRow[]> | null = null;
  return (key) => {
    byLog ??= Map.groupBy(
      kind === entryKind.batch ? rowsIn(payload) : [],
      ({ sandbox, log }) => `${sandbox}/${log}`,
    );
    return byLog.get(key) ?? [];
  };
}

function rowsIn(payload: Buffer): SpooledRow[] {
  const text = (value: ColumnValue | undefined): string => (value === undefined ? '' : value.toString());
  const bytes = (value: ColumnValue | undefined): Buffer => (value as Buffer | undefined) ?? Buffer.alloc(0);
  return rowsOf(decodeValue(fromSpool(payload).value)).map((row) => ({
    record: text(row.record),
    sandbox: text(row.sandbox_id),
    log: text(row.log),
    started: text(row.stream_started_at),
    position: Number(row.position),
    bytes: Buffer.concat([bytes(row.prefix), bytes(row.message), bytes(row.ending)]),
  }));
}
