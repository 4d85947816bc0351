import { harmless } from '../base/text.ts';
import { gapText, nulsText, parseGap, parseNuls, parseSeal, sealText } from '../store/record.ts';
import type { Block, ColumnValue } from '../wire/decode.ts';
import { dayText } from '../wire/header.ts';
import { shortTime } from './format.ts';

/** Number of rows with at least one value: in a damaged block, the last rows lack columns. */
export const rowsThere = ({ columns }: Block): number =>
  Math.max(0, ...Array.from(columns.values(), ({ values }) => values.length));

/** Indexes of the rows, in order; only those of `sandbox` if it is given. */
export function rowNumbers(block: Block, sandbox?: string): number[] {
  const all = Array.from({ length: rowsThere(block) }, (_, row) => row);
  return sandbox === undefined ? all : all.filter((row) => textAt(block, 'sandbox_id', row) === sandbox);
}

/**
 * Rows of a block for people: successive rows of one log under its name, each row with position, time, source
 * and text. Values that did not decode are empty.
 */
export function rowsText(block: Block, rows: number[]): string {
  let log = '';
  let text = '';
  for (const row of rows) {
    const its = `${textAt(block, 'sandbox_id', row)} ${textAt(block, 'log', row)}`;
    if (its !== log) text += `  ${harmless(its)}\n`;
    log = its;
    const place = harmless(String(valueAt(block, 'position', row) ?? '')).padStart(12);
    text += `${place}  ${lineText(block, row)}\n`;
  }
  return text;
}

function lineText(block: Block, row: number): string {
  const message = textAt(block, 'message', row);
  const record = textAt(block, 'record', row);
  if (record === 'gap') return harmless(gapText(parseGap(message)));
  if (record === 'nuls') return nulsText(parseNuls(message));
  if (record === 'seal') return harmless(sealText(parseSeal(message)));
  const time = shortTime(textAt(block, 'timestamp', row)).padEnd(23);
  const source = harmless(textAt(block, 'source', row)).padEnd(9);
  return `${harmless(time)} ${source} ${harmless(message)}`.trimEnd();
}

/**
 * A row as an object with all its decoded columns: 64-bit numbers as text, times as RFC 3339, bytes as UTF-8.
 */
export function rowObject(block: Block, row: number): Record<string, string | number> {
  const shown: Record<string, string | number> = {};
  for (const [name, { type, values }] of block.columns) {
    const value = values[row];
    if (value !== undefined)
      shown[name] = typeof value === 'number' && type !== 'Date' ? value : textOf(type, value);
  }
  return shown;
}

const valueAt = ({ columns }: Block, name: string, row: number): ColumnValue | undefined =>
  columns.get(name)?.values[row];

/** A number of a row; 0 for a missing column. */
export function numberAt(block: Block, name: string, row: number): bigint {
  const value = valueAt(block, name, row);
  return typeof value === 'bigint' || typeof value === 'number' ? BigInt(value) : 0n;
}

/** Bytes of a text as the guest wrote it, which as a string may have another length. */
export function lengthAt(block: Block, name: string, row: number): number {
  const value = valueAt(block, name, row);
  return Buffer.isBuffer(value) ? value.length : 0;
}

/** Empty for a missing column: the encoder omits a column whose values are all empty. */
export function textAt(block: Block, name: string, row: number): string {
  const column = block.columns.get(name);
  const value = column?.values[row];
  return value === undefined ? '' : textOf(column!.type, value);
}

function textOf(type: string, value: ColumnValue): string {
  if (Buffer.isBuffer(value)) return value.toString();
  if (type.includes('DateTime64') && typeof value === 'bigint') return momentText(value);
  return type.includes('Date') && typeof value === 'number' ? dayText(value) : String(value);
}

/** ns since 1970 as RFC 3339. */
function momentText(ns: bigint): string {
  const second = 1_000_000_000n;
  const rest = ((ns % second) + second) % second;
  const whole = new Date(Number((ns - rest) / second) * 1_000).toISOString().slice(0, 19);
  return `${whole}.${String(rest).padStart(9, '0')}Z`;
}
