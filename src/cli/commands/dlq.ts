import { limits } from '../../base/limits.ts';
import { harmless, humanBytes } from '../../base/text.ts';
import type { Settings } from '../../config/settings.ts';
import { hostOf, type Letter, originalHeaders } from '../../dlq/letter.ts';
import { type Letters, openLetters } from '../../dlq/letters.ts';
import { kindOf } from '../../dlq/reason.ts';
import { openStore, type Store } from '../../store/query.ts';
import { countText } from '../../store/record.ts';
import { decodeValuePartly } from '../../wire/decode.ts';
import { batchId } from '../../wire/header.ts';
import { rowNumbers, rowObject, rowsText } from '../batch_rows.ts';
import { isoTime, shortTime } from '../format.ts';
import { jsonLine, print } from '../output.ts';
import { type Standing, standingsOf } from './letter_states.ts';
import { rowsOf, timeOf } from './letter_table.ts';

/** `afterlog dlq show ID`: the details of a dead letter, and its rows as far as they decode. */
export async function showLetter(settings: Settings, id: string, options: { json?: boolean }): Promise<void> {
  await withLetters(settings, async (box, store) => {
    const [letter] = (await box.withDismissals([await box.find(id)])) as [Letter];
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

/** A dead letter for --json. */
export function letterObject(letter: Letter, { state, place }: Standing) {
  const { id, origin, path, bytes, code, reason, fault, header, headers, dismissed_ms } = letter;
  const rows = rowsOf(letter);
  return {
    ...{ id, time: timeOf(letter), state, gap_rows: place?.stand_ins ?? null, origin, path },
    ...{ host: hostOf(letter), batch: header ? batchId(header) : (headers.batch ?? null) },
    ...{ rows: rows === null ? null : Number(rows), bytes, reason, code },
    ...{ kind: kindOf(letter), fault, dismissed: dismissed_ms === null ? null : isoTime(dismissed_ms) },
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

function stateText({ id, fault, dismissed_ms }: Letter, { state, place }: Standing): string {
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
      return `damaged: it cannot be replayed. ${fault} Close it with \`afterlog dlq dismiss ${id}\`.`;
    case 'dismissed':
      return `dismissed ${shortTime(isoTime(dismissed_ms!))}: it is not replayed with the others`;
    case 'unknown':
      return 'unknown: ClickHouse does not answer';
  }
}
