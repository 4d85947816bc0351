import { AfterlogError } from '../../base/errors.ts';
import { limits } from '../../base/limits.ts';
import { harmless, humanBytes } from '../../base/text.ts';
import type { Settings } from '../../config/settings.ts';
import { hostOf, type Letter, originalHeaders } from '../../dlq/letter.ts';
import { type Letters, openLetters } from '../../dlq/letters.ts';
import { type LetterState, statesOf } from '../../dlq/replay.ts';
import type { BatchRows } from '../../store/care/stand_ins.ts';
import { openStore, type Store } from '../../store/query.ts';
import { countText } from '../../store/record.ts';
import { decodeValuePartly } from '../../wire/decode.ts';
import { batchId } from '../../wire/header.ts';
import { rowNumbers, rowObject, rowsText } from '../batch_rows.ts';
import { shortTime, table } from '../format.ts';
import { jsonLine, print } from '../output.ts';

/** The state of a dead letter; `unknown` if ClickHouse does not answer. */
interface Standing {
  state: LetterState | 'unknown';
  place: BatchRows | null;
}

/** `afterlog dlq`: the newest dead letters and their states. */
export async function listLetters(
  settings: Settings,
  options: { limit: number; json?: boolean },
): Promise<void> {
  await withLetters(settings, async (box, store) => {
    const { letters, total } = await box.newest(Math.min(options.limit, limits.topic.letters_max));
    const standings = await standingsOf(store, letters);
    if (options.json) {
      await print(letters.map((letter, at) => jsonLine(letterObject(letter, standings[at]!))).join(''));
    } else if (letters.length > 0) await print(letterTable(letters, standings));
    if (total === 0) console.error(`There are no dead letters in ${box.places.join(' or ')}.`);
    if (total > letters.length) {
      console.error(`Showing the newest ${letters.length} of ${total}; use --limit for more.`);
    }
  });
}

/** `afterlog dlq show ID`: the details of a dead letter, and its rows as far as they decode. */
export async function showLetter(settings: Settings, id: string, options: { json?: boolean }): Promise<void> {
  await withLetters(settings, async (box, store) => {
    const letter = await box.find(id);
    const [standing] = await standingsOf(store, [letter]);
    const block = await decodeValuePartly(letter.value ?? Buffer.alloc(0));
    const rows = rowNumbers(block);
    const fault = block.fault?.message ?? null;
    if (options.json) {
      const decoded = rows.map((row) => rowObject(block, row));
      const headers = originalHeaders(letter);
      await print(jsonLine({ ...letterObject(letter, standing!), headers, decode_fault: fault, decoded }));
      return;
    }
    await print(letterText(letter, standing!));
    for (let at = 0; at < rows.length; at += limits.read.rows_max) {
      await print(rowsText(block, rows.slice(at, at + limits.read.rows_max)));
    }
    if (fault !== null) console.error(`The batch is damaged; some of it cannot be shown. ${harmless(fault)}`);
  });
}

/** Opens the dead letters and ClickHouse for `work`, and closes them after it. */
export async function withLetters(
  settings: Settings,
  work: (box: Letters, store: Store) => Promise<void>,
): Promise<void> {
  const store = openStore(settings);
  try {
    const box = openLetters(settings);
    try {
      await work(box, store);
    } finally {
      await box.close();
    }
  } finally {
    await store.client.close();
  }
}

/** Does not fail without ClickHouse, so that dead letters can still be shown. */
async function standingsOf(store: Store, letters: Letter[]): Promise<Standing[]> {
  const standings: Standing[] = [];
  try {
    for (let at = 0; at < letters.length; at += limits.topic.letters_at_once) {
      standings.push(...(await statesOf(store, letters.slice(at, at + limits.topic.letters_at_once))));
    }
    return standings;
  } catch (error) {
    if (!(error instanceof AfterlogError)) throw error;
    console.error(`Cannot tell which of them were replayed: ${harmless(error.message)} [${error.code}]`);
    return letters.map(() => ({ state: 'unknown', place: null }));
  }
}

function letterTable(letters: Letter[], standings: Standing[]): string {
  const rows = letters.map((letter, at) => [
    letter.id,
    shortTime(timeOf(letter)),
    letter.origin ?? 'refused/',
    hostOf(letter),
    rowsOf(letter) ?? '?',
    humanBytes(letter.bytes),
    standings[at]!.state,
    cut(letter.reason),
  ]);
  const header = ['ID', 'WHEN', 'FROM', 'HOST', 'ROWS', 'SIZE', 'STATE', 'REASON'];
  return table(header, rows, { right: ['ROWS', 'SIZE'] });
}

const cut = (text: string): string =>
  text.length > limits.topic.reason_chars ? `${text.slice(0, limits.topic.reason_chars)}…` : text;

const timeOf = ({ at_ms }: Letter): string => new Date(at_ms).toISOString();
const rowsOf = ({ headers }: Letter): string | null => headers.rows ?? null;

function letterObject(letter: Letter, { state, place }: Standing): object {
  const { id, origin, path, bytes, reason, fault, header, headers } = letter;
  const rows = rowsOf(letter);
  return {
    ...{ id, time: timeOf(letter), state, gap_rows: place?.stand_ins ?? null, origin, path },
    ...{ host: hostOf(letter), batch: header ? batchId(header) : (headers.batch ?? null) },
    ...{ rows: rows === null ? null : Number(rows), bytes, reason, fault },
  };
}

function letterText(letter: Letter, standing: Standing): string {
  const { header } = letter;
  const lines = [
    ['dead letter', `${letter.id}, set aside ${shortTime(timeOf(letter))}`],
    ['from', letter.origin ?? letter.path ?? 'unknown'],
    ['reason', letter.reason],
    ['state', stateText(letter, standing)],
    ['size', sizeText(letter)],
    ...(header ? [['batch', `${batchId(header)}, ${header.rows} rows`]] : []),
    [
      'headers',
      Object.entries(originalHeaders(letter))
        .map((pair) => pair.join('='))
        .join(' '),
    ],
  ];
  return `${lines.map(([name, text]) => `${name!.padEnd(12)} ${harmless(text!)}`).join('\n')}\n\n`;
}

const sizeText = ({ bytes, header }: Letter): string =>
  header ? `${humanBytes(bytes)}, ${humanBytes(header.block_bytes)} unpacked` : humanBytes(bytes);

function stateText({ id, fault }: Letter, { state, place }: Standing): string {
  switch (state) {
    case 'waiting':
      return `waiting: ${countText(place!.stand_ins, 'gap row')} in its place; replay it with \`afterlog dlq replay ${id}\``;
    case 'held':
      return `held: it was set aside before it was tried; \`afterlog dlq replay ${id}\` stores it if its signature is right`;
    case 'replayed':
      return `replayed: ${countText(place!.rows, 'row')} in its place`;
    case 'coming':
      return 'coming: the gap rows in its place, or the batches before it, are not stored yet';
    case 'gone':
      return 'gone: neither its rows nor gap rows are stored; they expired or were erased';
    case 'damaged':
      return `damaged: it cannot be replayed. ${fault}`;
    case 'unknown':
      return 'unknown: ClickHouse does not answer';
  }
}
