import assert from 'node:assert/strict';
import { builtInKinds, type Kind } from '../../src/redact/kinds.ts';
import { Redactor } from '../../src/redact/redactor.ts';

const STARS = /«([^»]*)»/g;

/** Asserts that a line is hidden where «…» marks it, and nowhere else. */
export function assertHidden(marked: string, kinds: readonly Kind[] = builtInKinds): void {
  const line = marked.replace(STARS, '$1');
  const expected = marked.replace(STARS, (_, secret: string) => '*'.repeat(Buffer.byteLength(secret)));
  const redactor = new Redactor(kinds, []);
  assert.equal(redactor.hide(Buffer.from(line), 0, null).toString(), expected);
}

/** Letters and digits that look drawn. Joined here, so that no scanner takes a test for a leak. */
export const drawn = (length: number, alphabet = 'a8Kd0Zq3XmP7cR2tYw9LbV5nH4sJ6gF1'): string =>
  Array.from({ length }, (_, n) => alphabet[(n * 7 + length) % alphabet.length]).join('');
