import { closeSync, futimesSync, openSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { reasonOf } from '../base/errors.ts';
import { log } from '../base/log.ts';
import { OWN_FILE } from '../base/own_files.ts';

/**
 * Until when an agent watched this data dir: the modification time of a file in its `.afterlog`. The next
 * agent reads it at its start.
 */
export class Presence {
  /** Until when the agent before this one watched, milliseconds since 1970 of the host clock. */
  readonly before_ms: number;
  private readonly path: string;

  constructor(dir: string) {
    this.path = join(dir, 'watched');
    // An agent of an earlier version left no such file; but it pinned and released files until its end.
    this.before_ms = modified(this.path) ?? modified(join(dir, 'pins')) ?? Date.now();
  }

  /** All events until `now_ms` have been dealt with. */
  beat(now_ms: number): void {
    try {
      const fd = openSync(this.path, 'a', OWN_FILE);
      try {
        futimesSync(fd, now_ms / 1_000, now_ms / 1_000);
      } finally {
        closeSync(fd);
      }
    } catch (error) {
      // Then the next agent says an earlier time, which is true as well.
      log.debug(
        { path: this.path, reason: reasonOf(error) },
        'The time until which the agent watches cannot be noted.',
      );
    }
  }
}

function modified(path: string): number | null {
  try {
    return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? null;
  } catch {
    return null;
  }
}
