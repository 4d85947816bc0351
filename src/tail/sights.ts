import { isRefused } from '../base/errors.ts';
import { afterEvents } from './event_queue.ts';
import type { Generation } from './generation.ts';
import { LastSight, nobodyWatched, type WatchedFolder } from './last_sight.ts';
import type { FreshFile, LogFiles } from './log_files.ts';
import { type ChainName, type FileIdentity, type Pin, statOf } from './pins.ts';

const MOVED_ON = 'rotated away before it was seen: the chain moved on by more than it keeps';
/** An earlier agent had noted that nobody watched; when that was is lost with it. */
const UNKNOWN = 'nobody watched: bytes of files that came and went meanwhile, if any, are lost';

interface SeenFile {
  file: FileIdentity;
  fresh: FreshFile | null;
  age: number;
}

/** When looks last saw the files of one log. Tells where files may have come and gone unseen. */
export class Sights {
  /** Null before the first look. */
  private last: LastSight | null = null;
  /** Of files that others have followed, while events from before that may still come. */
  private past: LastSight[] | null = null;

  /** The log continues where an earlier agent ended, which watched until then. */
  foundAfter({ newest, fresh }: LogFiles, watched_ms: number): void {
    let before = newest?.pin;
    for (const one of fresh) {
      if (before !== undefined) one.before = new LastSight(before, watched_ms);
      before = one.pin;
    }
    if (before !== undefined) this.last = new LastSight(before, watched_ms);
  }

  /** A look that failed has pinned this file: what came after it may have gone unseen. */
  met(file: FileIdentity): void {
    this.last ??= new LastSight(file, Date.now());
  }

  /** A look saw these files, oldest first, and these names. */
  saw(seen: readonly SeenFile[], chain: readonly ChainName[], folder: WatchedFolder | null): void {
    const names = chain.map(({ name }) => name);
    const newest = seen.at(-1)?.file;
    const first = seen.find(({ fresh }) => fresh !== null)?.fresh;
    const known = seen.findIndex(({ file }) => this.last?.isOf(file));
    const goesOn = this.last === null || known >= 0;
    if (newest === undefined || (!goesOn && first == null)) {
      this.last?.miss(names);
      return;
    }
    const before = this.last;
    const behindHole = known >= 0 ? findBehindHole(seen.slice(known), chain) : null;
    if (behindHole !== null) behindHole.hole ??= this.setAside(names);
    if (!goesOn) first!.before ??= this.setAside(this.last!.isIn(folder) ? names : []);
    this.last ??= before === null ? new LastSight(newest, Date.now()) : LastSight.after(before, newest);
    // A file that was listed and is gone already: only a look that sees all files can be trusted.
    if (seen.length < names.length) return;
    this.last.renew(
      seen.map(({ file }) => file),
      names,
      folder,
    );
  }

  /** The last sight of a file that another one has followed. @param names that are in its folder now */
  private setAside(names: readonly string[]): LastSight {
    const last = this.last!;
    last.miss(names);
    this.last = null;
    this.past = [...(this.past ?? []), last];
    afterEvents(() => {
      this.past = this.past!.length > 1 ? this.past!.slice(1) : null;
    });
    return last;
  }

  /** A name of the log came or went in a folder. */
  cameOrWent(name: string, folder: WatchedFolder): void {
    this.last?.note(name, folder);
    for (const past of this.past ?? []) past.note(name, folder);
  }

  /**
   * Why bytes may be missing behind a file that is read to its end; null: none are.
   * @param next the file that is read after it
   */
  missingBehind({ pin }: Generation, next: Generation | undefined): string | null {
    const sight = next === undefined ? this.last : next.before;
    const unwatched = sight === null ? next?.unwatched : sight.unwatched(() => hasName(pin));
    if (unwatched) return nobodyWatched(unwatched);
    if (!next?.isAfterGap) return null;
    if (next.starts === null) return MOVED_ON;
    return sight === null ? UNKNOWN : null;
  }
}

/**
 * The first new file behind a name that is missing in the chain: whoever deletes a folder may have begun with
 * that name.
 */
function findBehindHole(seen: readonly SeenFile[], chain: readonly ChainName[]): FreshFile | null {
  const number = ({ age }: SeenFile): number => {
    const name = chain.find((one) => one.age === age)?.name ?? '';
    return age === 0 ? 0 : Number(/\.(\d+)$/.exec(name)?.[1] ?? Number.NaN);
  };
  for (const [index, one] of seen.entries()) {
    if (index > 0 && one.fresh !== null && number(seen[index - 1]!) - number(one) > 1) return one.fresh;
  }
  return null;
}

/** Whether the file has a name other than its pin's. If that cannot be found out, it is in doubt. */
function hasName(pin: Pin): boolean {
  try {
    return statOf(pin).nlink > (pin.path === null ? 0 : 1);
  } catch (error) {
    if (isRefused(error)) return false;
    throw error;
  }
}
