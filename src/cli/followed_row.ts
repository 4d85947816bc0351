import { z } from 'zod';
import { recordOf, recordShape } from '../serve/http/shapes.ts';
import { goesOn, type LogRow } from '../store/read/read_log.ts';
import type { Block } from '../wire/decode.ts';
import { lengthAt, numberAt, rowsThere, textAt } from './batch_rows.ts';
import type { createLogText } from './log_text.ts';
import { jsonLine } from './output.ts';

/** A row of the topic, and where it is from. */
export interface FollowedRow {
  host: string;
  sandbox_id: string;
  log: string;
  workspace: string;
  template: string;
  row: LogRow;
}

const from = {
  host: z.string().describe('The machine whose agent read the row'),
  sandbox_id: z.string().describe('The sandbox that wrote it'),
  log: z.string().describe('console, events or firecracker'),
  workspace: z.string().describe('Empty if the sandbox has no such label'),
  template: z.string().describe('Empty if the sandbox has no such label'),
};
const [line, gap, nuls, seal] = recordShape.options;

/**
 * A line of `afterlog topic --follow --json`: a record of the API, and where it is from. It is a promise to
 * other programs: fields may be added, and none is removed or changes its meaning.
 */
export const followedRowShape = z.discriminatedUnion('record', [
  z.object({ ...from, ...line.shape }),
  z.object({ ...from, ...gap.shape }),
  z.object({ ...from, ...nuls.shape }),
  z.object({ ...from, ...seal.shape }),
]);

const records = new Set<string>(followedRowShape.options.map(({ shape }) => shape.record.value));

/** Whether the documented shape has this record. */
export const isKnown = ({ row }: FollowedRow): boolean => records.has(row.record);

export function* followedRows(block: Block): Generator<FollowedRow> {
  for (let at = 0; at < rowsThere(block); at++) {
    const text = (name: string): string => textAt(block, name, at);
    const number = (name: string): bigint => numberAt(block, name, at);
    const lengthOf = (name: string): number => lengthAt(block, name, at);
    const position = number('position');
    const row: LogRow = {
      record: text('record'),
      stream: String(number('stream_started_at')),
      position: String(position),
      time: text('timestamp'),
      timestamp_kind: text('timestamp_kind'),
      source: text('source'),
      severity: text('severity'),
      event: text('event'),
      title: text('title'),
      entry_position: String(position - number('entry_back')),
      prefix: text('prefix'),
      message: text('message'),
      ending: text('ending'),
      bytes: lengthOf('prefix') + lengthOf('message') + lengthOf('ending'),
    };
    yield {
      host: text('host'),
      sandbox_id: text('sandbox_id'),
      log: text('log'),
      workspace: text('workspace'),
      template: text('template'),
      row,
    };
  }
}

export const followedJson = ({ row, ...from }: FollowedRow): string =>
  jsonLine({ ...from, ...recordOf(row) });

/** For people: where it is from, and the row as `afterlog logs` prints it. */
export function followedText(
  { host, sandbox_id, log, row }: FollowedRow,
  textOf: ReturnType<typeof createLogText>,
  nameOf: (name: string) => string,
): string {
  const name = log === 'console' ? `${host} ${sandbox_id}` : `${host} ${sandbox_id}/${log}`;
  return `${nameOf(name)}  ${textOf({ ...row, went_on: false, goes_on: goesOn(row) })}\n`;
}
