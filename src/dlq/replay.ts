import { limits } from '../base/limits.ts';
import { eraseReplayed } from '../store/care/erase.ts';
import { newestSchema } from '../store/care/migrate.ts';
import { type BatchRows, batchRowsOf, removeStandIns } from '../store/care/stand_ins.ts';
import { isBodyRefused } from '../store/foreign_answer.ts';
import { insertBody } from '../store/land/insert.ts';
import { fence, Landed, look } from '../store/land/landed.ts';
import { tableSchema } from '../store/land/table_schema.ts';
import { explaining, readError, type Store } from '../store/query.ts';
import { describeRefusal, faultOf } from '../store/refusal.ts';
import { undecodable } from '../wire/decode.ts';
import { type Batch, type BatchHeader, batchId } from '../wire/header.ts';
import type { Letter } from './letter.ts';
import type { Trust } from './trust.ts';

/**
 * The state of a letter, read from the table itself; there is no list of letters:
 * - `waiting`: gap rows stand in its place (also after a replay that was not finished)
 * - `replayed`: its rows are there, and no gap row stands for them
 * - `held`: it was set aside before it was tried, so there are no gap rows; it can be replayed
 * - `coming`: its gap rows, or batches before it, are still on their way
 * - `gone`: neither is there any more: retention removed its rows, or somebody erased them
 * - `damaged`: it is not a whole batch and cannot be replayed
 * - `dismissed`: somebody decided that it is never replayed; see canEnd()
 */
export type LetterState = 'waiting' | 'held' | 'replayed' | 'coming' | 'gone' | 'damaged' | 'dismissed';

export interface ReplayOutcome {
  letter: Letter;
  /** Whether it was waiting; otherwise nothing was tried. */
  tried: boolean;
  /** `refused`: ClickHouse refuses it; `untrusted`: another host may have sent it. Nothing changed. */
  state: LetterState | 'refused' | 'untrusted';
  place: BatchRows;
  /** Why it is not replayed, if that is known. */
  reason: string | null;
}

const nowhere: BatchRows = { stand_ins: 0, rows: 0 };
const never = new AbortController().signal;

/**
 * @param trust says which held letters can be replayed before those that follow them
 * @throws AfterlogError as selectRows
 */
export async function statesOf(
  store: Store,
  letters: Letter[],
  trust: Trust = () => null,
): Promise<{ state: LetterState; place: BatchRows }[]> {
  const headers = letters.flatMap(({ header }) => header ?? []);
  const places = await batchRowsOf(store, headers);
  const landed = new Landed();
  const lost = headers.filter((header) => isNowhere(places.get(batchId(header))!));
  await look(store.client, store.database, lost, landed, never).catch(explaining(store));
  const inOrder = replayable(letters, landed, trust);
  const found = (letter: Letter): { state: LetterState; place: BatchRows } => {
    const { header } = letter;
    if (header === null) return { state: 'damaged', place: nowhere };
    const place = places.get(batchId(header))!;
    if (place.stand_ins > 0) return { state: 'waiting', place };
    if (place.rows > 0) return { state: 'replayed', place };
    if (inOrder.has(letter)) return { state: 'held', place };
    return { state: landed.of(header)! < header.sequence ? 'coming' : 'gone', place };
  };
  return letters.map((letter) => {
    const { state, place } = found(letter);
    return { state: letter.dismissed_ms !== null && canEnd(letter, state) ? 'dismissed' : state, place };
  });
}

/**
 * Whether a letter in this state can be dismissed: nothing of it can be replayed, or nobody may ever vouch
 * for it. A dismissal of another letter has no effect, so it cannot hide what only waits for its replay.
 */
export const canEnd = ({ code }: Letter, state: LetterState): boolean =>
  state === 'damaged' || state === 'gone' || (code !== null && (state === 'held' || state === 'coming'));

/**
 * The held letters that can be replayed: those that have been passed, and those that follow what has landed.
 * If one was stored before the batches between, the consumer would take these for landed and skip them.
 */
function replayable(letters: Letter[], landed: Landed, trust: Trust): Set<Letter> {
  const found = new Set<Letter>();
  const reached = new Map<string, number>();
  const held = letters.filter(({ code, header }) => code !== null && header !== null);
  for (const letter of held.toSorted((a, b) => a.header!.sequence - b.header!.sequence)) {
    const { host, epoch, sequence } = letter.header!;
    const run = `${host}/${epoch}`;
    const reach = reached.get(run) ?? landed.of(letter.header!);
    // Not looked up: its rows are there.
    if (reach === null || sequence > reach + 1) continue;
    found.add(letter);
    // A replay leaves out what was dismissed, so nothing may count on it.
    if (letter.dismissed_ms === null && trust(letter) === null) reached.set(run, Math.max(reach, sequence));
  }
  return found;
}

const isNowhere = ({ stand_ins, rows }: BatchRows): boolean => stand_ins + rows === 0;

/**
 * Replays letters, at most `letters_at_once`. First their rows are inserted, in an INSERT that lands whole or
 * not at all, with the batch's own id; then their gap rows are removed. So gap rows mark a replay that is not
 * finished: it can be killed at any point and repeated. Rows that an erase covers meanwhile are erased again
 * before the gap rows are removed.
 * @throws AfterlogError SCHEMA_BEHIND, CLICKHOUSE_UNREACHABLE, CLICKHOUSE_REFUSED (not because of a letter)
 */
export async function replay(
  store: Store,
  letters: Letter[],
  trust: Trust = () => null,
): Promise<ReplayOutcome[]> {
  // An INSERT of a replay that was killed may still run.
  await fence(store.client, store.database, idPrefix(store), never).catch(explaining(store));
  const before = await statesOf(store, letters, trust);
  const isOpen = (at: number): boolean => ['waiting', 'held'].includes(before[at]!.state);
  const faults = letters.map((letter, at) => (isOpen(at) ? trust(letter) : null));
  const waiting = letters.filter((_, at) => isOpen(at) && faults[at] === null);
  const lacking = letters.filter((letter, at) => waiting.includes(letter) && before[at]!.place.rows === 0);
  const reasons = await putBack(store, batchesOf(lacking));
  // Rows in the table, not the answers of the INSERTs, decide which gap rows may be removed.
  const headers = waiting.map(({ header }) => header!);
  await eraseReplayed(store, headers);
  const places = await batchRowsOf(store, headers);
  const there = headers.filter((header) => places.get(batchId(header))!.rows > 0);
  await removeStandIns(
    store,
    there.filter((header) => places.get(batchId(header))!.stand_ins > 0),
  );
  return letters.map((letter, at): ReplayOutcome => {
    const { state, place } = before[at]!;
    if (!isOpen(at)) return { letter, tried: false, state, place, reason: letter.fault };
    const fault = faults[at]!;
    if (fault !== null) return { letter, tried: false, state: 'untrusted', place, reason: fault };
    const { rows } = places.get(batchId(letter.header!))!;
    const tried = { letter, tried: true, place: { ...place, rows } };
    if (rows > 0) return { ...tried, state: 'replayed', reason: null };
    const reason =
      reasons.get(batchId(letter.header!)) ??
      'ClickHouse accepted it, but its rows do not have the id of its header';
    return { ...tried, state: 'refused', reason };
  });
}

/** A replay ends the INSERTs of every other replay in its database; these look then. */
const idPrefix = ({ database }: Store): string => `afterlog/dlq/${database}/`;

/** Each batch once: after a crash of the consumer a batch may have been set aside twice. */
function batchesOf(letters: Letter[]): Batch[] {
  const batches = letters.map(({ header, value }) => ({ header: header!, value: value! }));
  return [...new Map(batches.map((batch) => [batchId(batch.header), batch])).values()];
}

/** Inserts batches, joined where that is possible. @returns the reasons of refused ones, by batch id */
async function putBack(store: Store, batches: Batch[]): Promise<Map<string, string>> {
  const reasons = new Map<string, string>();
  const has = await tableSchema(store.client, store.database, never).catch(explaining(store));
  const isKnown = ({ header }: Batch): boolean => header.schema <= Math.min(has, newestSchema());
  const known = newestSchema();
  for (const { header } of batches.filter((batch) => !isKnown(batch))) {
    const lacks =
      header.schema > known
        ? `this version of afterlog knows ${known}: update it`
        : `the database has ${has}`;
    reasons.set(batchId(header), `it needs schema ${header.schema}, ${lacks}`);
  }
  for (const group of joinable(batches.filter(isKnown))) {
    const refused = await insert(store, group);
    if (refused === null) continue;
    // One batch of the group is at fault: insert each alone.
    for (const batch of group) {
      const reason = group.length === 1 ? refused : await insert(store, [batch]);
      if (reason !== null) reasons.set(batchId(batch.header), reason);
    }
  }
  return reasons;
}

/** Groups of batches that may share an INSERT, which lands whole: of one ingest day, within its limits. */
function joinable(batches: Batch[]): Batch[][] {
  const groups: Batch[][] = [];
  let [rows, bytes] = [0, 0];
  for (const batch of batches.toSorted((a, b) => a.header.ingest_day - b.header.ingest_day)) {
    const { header } = batch;
    rows += header.rows;
    bytes += header.block_bytes;
    const group = groups.at(-1);
    const isFull = rows > limits.insert.rows_max || bytes > limits.insert.bytes_max;
    if (group?.[0]?.header.ingest_day === header.ingest_day && !isFull) {
      group.push(batch);
      continue;
    }
    groups.push([batch]);
    [rows, bytes] = [header.rows, header.block_bytes];
  }
  return groups;
}

/** @returns why ClickHouse refuses them; null if they are in the table */
async function insert(store: Store, batches: Batch[]): Promise<string | null> {
  const { client, database } = store;
  const bytes = Buffer.concat(batches.map(({ value }) => value));
  try {
    await insertBody(client, database, idPrefix(store), { format: 'Native', bytes }, never);
    return null;
  } catch (error) {
    const fault = faultOf(error);
    if (fault === 'data') return describeRefusal(error);
    // A problem of the server, or a block with absurd counts.
    if ((fault === 'suspect' || isBodyRefused(error)) && batches.length > 1) return describeRefusal(error);
    const hopeless = fault === 'suspect' ? undecodable(bytes) : null;
    if (hopeless !== null) return hopeless;
    // It may have landed: a view may have thrown after that, or the answer was lost.
    if (await isThere(store, batches[0]!.header).catch(() => false)) return null;
    throw readError(store, error);
  }
}

async function isThere(store: Store, header: BatchHeader): Promise<boolean> {
  await fence(store.client, store.database, idPrefix(store), never);
  const places = await batchRowsOf(store, [header]);
  return places.get(batchId(header))!.rows > 0;
}

/** Groups of letters that are replayed together, bounded in number and bytes. */
export async function* inGroups(letters: AsyncIterable<Letter>): AsyncGenerator<Letter[]> {
  let group: Letter[] = [];
  let bytes = 0;
  for await (const letter of letters) {
    group.push(letter);
    bytes += letter.bytes;
    if (group.length < limits.topic.letters_at_once && bytes < limits.consume.fetch_bytes_max) continue;
    yield group;
    group = [];
    bytes = 0;
  }
  if (group.length > 0) yield group;
}
