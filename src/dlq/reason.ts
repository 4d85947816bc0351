import { catalogue } from '../base/catalogue.ts';
import type { Letter } from './letter.ts';

/**
 * The kind of a letter's reason, to count by it: the code of our error, or ClickHouse's name of its error.
 * Its form is checked, because anybody who may produce can write a header.
 */
export function kindOf({ code, reason, fault }: Letter): string {
  if (code !== null) return Object.hasOwn(catalogue, code) ? code : OTHER;
  if (fault !== null) return 'BATCH_DAMAGED';
  return /^code \d{1,5} ([A-Z][A-Z_]{1,60}):/.exec(reason)?.[1] ?? 'BATCH_REFUSED';
}

export const OTHER = 'OTHER';
