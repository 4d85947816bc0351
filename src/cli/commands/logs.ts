import { limits } from '../../config/limits.ts';
import type { Settings } from '../../config/settings.ts';
import { AfterlogError } from '../../errors.ts';
import { sandboxExists } from '../../store/queries.ts';
import { openStore, type Store } from '../../store/read.ts';
import {
  findTail,
  isBeyond,
  type LogId,
  type LogRow,
  lastRow,
  readBytes,
  readRows,
} from '../../store/read_log.ts';
import { gapText, parseGap, parseSeal, sealText } from '../../store/record.ts';
import { harmless, shortTime } from '../format.ts';
import { jsonLine, print } from '../output.ts';

export interface LogsOptions {
  tail?: number;
  raw?: boolean;
  log: string;
  json?: boolean;
}

/**
 * `afterlog logs ID`. @throws AfterlogError SANDBOX_UNKNOWN, and what reading throws
 */
export async function logs(settings: Settings, sandbox_id: string, options: LogsOptions): Promise<void> {
  const store = openStore(settings);
  try {
    const id = { sandbox_id, log: options.log, workspace: null };
    if (!(await sandboxExists(store, sandbox_id, null))) {
      throw new AfterlogError('SANDBOX_UNKNOWN', `There are no logs of sandbox '${harmless(sandbox_id)}'.`);
    }
    await (options.raw ? printRaw(store, id, options.tail) : printRows(store, id, options));
  } finally {
    await store.client.close();
  }
}

/** The file's bytes and nothing else: all of them, or those of the last lines. */
async function printRaw(store: Store, id: LogId, lines: number | undefined): Promise<void> {
  const tail = await findTail(store, id, lines ?? 0);
  if (tail === null) return;
  const after = lines === undefined ? null : tail.after;
  for await (const piece of readBytes(store, id, after, tail.until)) await print(piece);
}

/** The last lines with what lies between and after them, up to what is there when it starts. */
async function printRows(store: Store, id: LogId, { tail: lines, json }: LogsOptions): Promise<void> {
  const wanted = lines ?? limits.tail_lines_default;
  const [tail, last] = [await findTail(store, id, wanted), await lastRow(store, id)];
  if (last === null) {
    console.error(`Sandbox '${harmless(id.sandbox_id)}' has no ${id.log} log.`);
    return;
  }
  if (tail?.after && lines === undefined) {
    console.error(`The last ${wanted} lines; --tail N shows others, --raw the whole file.`);
  }
  for (let after = tail?.after ?? null; ; ) {
    const rows = (await readRows(store, id, after)).filter((row) => !isBeyond(row, last));
    if (rows.length === 0) return;
    await print(rows.map((row) => (json ? jsonLine(jsonOf(row)) : `${textOf(row)}\n`)).join(''));
    after = rows.at(-1)!;
  }
}

function textOf(row: LogRow): string {
  if (row.record === 'gap') return harmless(gapText(parseGap(row.message)));
  if (row.record === 'seal') return harmless(sealText(parseSeal(row.message)));
  return `${shortTime(row.time)} ${row.source.padEnd(9)} ${harmless(row.message)}`;
}

function jsonOf(row: LogRow): object {
  const { record, stream, time, source, severity } = row;
  const place = { record, stream_started_at_ns: stream, position: Number(row.position) };
  if (record === 'gap') return { ...place, ...parseGap(row.message) };
  if (record === 'seal') return { ...place, ...parseSeal(row.message) };
  return { ...place, timestamp: time, source, severity, message: row.message };
}
