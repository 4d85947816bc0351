import { allSettings, type Setting } from './schema.ts';
import type { Settings } from './settings.ts';

/** The settings that differ. */
export const changedSettings = (before: Settings, after: Settings): Setting[] =>
  allSettings.filter((setting) => textOf(before, setting) !== textOf(after, setting));

function textOf(settings: Settings, { path }: Setting): string {
  const value = path.reduce((at: unknown, part) => (at as Record<string, unknown>)[part], settings);
  return JSON.stringify(value) ?? '';
}

/** `before` with the values of `after` for these settings, which are not inside of a section. */
export const withChanges = (before: Settings, after: Settings, changed: readonly Setting[]): Settings => ({
  ...before,
  ...Object.fromEntries(changed.map(({ name }) => [name, after[name as keyof Settings]])),
});
