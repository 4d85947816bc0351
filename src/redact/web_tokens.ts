import { isIn, run, WORD } from './bytes.ts';
import { add, type Check, type Sign } from './signs.ts';

/** Longest first part: bounds the cost of a text that repeats the sign. */
const HEAD_BYTES_MAX = 512;

/** `eyJ….eyJ….…`, and the five parts of an encrypted one. */
const webToken: Check = (found, b, at, start, end) => {
  const head = run(b, at + 3, Math.min(end, at + HEAD_BYTES_MAX), WORD);
  if (head - at < 10 || head >= end || b[head] !== 46) return -1;
  const body = run(b, head + 1, end, WORD);
  if (body >= end || b[body] !== 46) return -1;
  const isSigned = b[head + 1] === 101 && b[head + 2] === 121;
  // In a word only with the sign of both parts.
  if (!isSigned && at > start && isIn(b[at - 1], WORD) && b[at - 2] !== 92) return -1;
  let to = run(b, body + 1, end, WORD);
  let parts = 3;
  for (; parts < 5 && to < end && b[to] === 46 && isIn(b[to + 1], WORD); parts++)
    to = run(b, to + 1, end, WORD);
  return body - head >= 8 || parts === 5 ? add(found, 'jwt', at, to) : -1;
};

export const webTokenSigns: Sign[] = [{ text: 'eyJ', check: webToken }];
