import { CommanderError } from 'commander';
import { AfterlogError, explain, reasonOf } from '../base/errors.ts';
import { harmlessLines } from '../base/text.ts';
import { version } from '../base/version.ts';
import { nearest } from '../config/nearest.ts';
import { allSettings } from '../config/settings.ts';
import { endQuietlyWhenReaderLeaves, makeMessagesHarmless } from './output.ts';
import { createProgram } from './program.ts';
import { startAnew } from './start_anew.ts';

/** Exit codes; success is 0. */
const FAILED = 1;
const WRONG_USAGE = 2;

const usageCodes = new Set<string>(['USAGE', 'SETTING_INVALID', 'SETTING_UNKNOWN']);

function exitCodeOf(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : WRONG_USAGE;
  return error instanceof AfterlogError && usageCodes.has(error.code) ? WRONG_USAGE : FAILED;
}

function suggestSetting(message: string): void {
  const wrong = /unknown option '--([\w-]+)/.exec(message)?.[1];
  if (wrong === undefined || message.includes('Did you mean')) return;
  const meant = nearest(
    wrong,
    allSettings.map(({ name }) => name),
  );
  const setting = allSettings.find(({ name }) => name === meant);
  if (setting !== undefined) console.error(`(Did you mean ${setting.flag}?)`);
}

endQuietlyWhenReaderLeaves();
makeMessagesHarmless();
for (const event of ['uncaughtException', 'unhandledRejection'] as const) {
  process.on(event, (error: unknown) => {
    startAnew(error)
      .catch(() => false)
      .then((isStarting) => {
        if (isStarting) return;
        console.error(explain(error));
        process.exit(FAILED);
      });
  });
}

try {
  await createProgram(version).parseAsync();
} catch (error) {
  // Commander has printed its message. It suggests only visible options, and settings are hidden.
  if (error instanceof CommanderError) suggestSetting(error.message);
  else {
    console.error(
      error instanceof AfterlogError || !(error instanceof Error)
        ? explain(error)
        : harmlessLines(reasonOf(error)),
    );
  }
  process.exitCode = exitCodeOf(error);
}
