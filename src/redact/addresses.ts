import { HOST, isIn, isLetter, LOCAL, runBack, startsWith } from './bytes.ts';
import { add, type Check, type Sign } from './signs.ts';

const PICTURES = ['png', 'jpg', 'jpeg', 'webp', 'svg', 'gif'].map((text) => Buffer.from(text));

/** `git@host:path` is the address of a repository. */
const GIT = Buffer.from('git');

/** An e-mail address: `local@host.domain`. */
const address: Check = (found, b, at, start, end) => {
  const from = runBack(b, at, start, LOCAL, 64);
  if (from === at || (at - from === 3 && startsWith(b, from, end, GIT))) return -1;
  let to = at + 1;
  let dot = -1;
  const most = Math.min(end, at + 254);
  while (to < most && isIn(b[to], HOST)) {
    if (b[to] === 46) dot = to;
    to++;
  }
  // The period that ends a sentence is not part of the address.
  while (to > at + 1 && (b[to - 1] === 46 || b[to - 1] === 45)) to--;
  if (dot >= to) for (dot = to - 1; dot > at && b[dot] !== 46; dot--);
  if (dot <= at + 1 || to - dot - 1 < 2) return -1;
  for (let index = dot + 1; index < to; index++) if (!isLetter(b[index]!)) return -1;
  // `logo@2x.png` is a file name.
  return PICTURES.some((text) => to - dot - 1 === text.length && startsWith(b, dot + 1, to, text))
    ? -1
    : add(found, 'email', from, to);
};

export const addressSigns: Sign[] = [{ text: '@', check: address }];
