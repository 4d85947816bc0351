import type { LetterState } from '../dlq/replay.ts';

/** The states that `--state` names; an open letter is neither replayed nor dismissed. */
export const stateChoices = [
  'open',
  'waiting',
  'held',
  'coming',
  'damaged',
  'gone',
  'replayed',
  'dismissed',
] as const satisfies readonly (LetterState | 'open')[];
