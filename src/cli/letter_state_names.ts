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
] as const;
