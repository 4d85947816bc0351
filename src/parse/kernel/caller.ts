import { bytes, isDigit } from '../line/bytes.ts';
import type { Traits } from '../line/traits.ts';

const { DIGIT_0, RBRACKET, SPACE, UPPER_C, UPPER_T } = bytes;

/**
 * Reads `[    T6]` or `[   C0]`, the task or processor that prints, which some kernels name. Each is a
 * channel of its own.
 * @returns the offset after it, or -1
 */
export function readCaller(b: Uint8Array, at: number, end: number, traits: Traits): number {
  let i = at + 1;
  while (i < end && b[i] === SPACE) i++;
  if (b[i] !== UPPER_T && b[i] !== UPPER_C) return -1;
  const isProcessor = b[i] === UPPER_C;
  let number = 0;
  for (i++; i < end && isDigit(b[i]) && number < 1e8; i++) number = number * 10 + b[i]! - DIGIT_0;
  if (i >= end || b[i] !== RBRACKET) return -1;
  traits.source = number * 2 + (isProcessor ? 2 : 1);
  return i + 1;
}
