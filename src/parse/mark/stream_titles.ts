import { limits } from '../../base/limits.ts';
import { event } from '../line/events.ts';
import type { Line } from '../line/line.ts';
import { isTitle, leftOut, nameHash } from '../line/names.ts';

const { stream_titles_max } = limits.parse;

/**
 * The titles of one stream. A guest may print other errors for ever; past a bound a crash has the name of its
 * event as title, so that no guest fills the batches of all.
 */
export class StreamTitles {
  /** Hashes of the titles, because their ids last for one batch. Most streams have none. */
  private known: number[] | null = null;

  /** Called for a line with a title. */
  bound(line: Line): void {
    if (!isTitle(line.title)) return;
    // Small numbers need no memory of their own.
    const hash = nameHash(line.title) >>> 2;
    this.known ??= [];
    if (this.known.includes(hash)) return;
    if (this.known.length < stream_titles_max) {
      this.known.push(hash);
      return;
    }
    leftOut.titles_left_out++;
    line.title = line.event === event.boot_start || line.event === event.boot_ready ? 0 : line.event;
  }
}
