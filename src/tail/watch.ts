import { type FSWatcher, watch } from 'node:fs';
import { watch as watchByPolling } from 'chokidar';
import { AfterlogError } from '../base/errors.ts';
import { report } from '../base/faults.ts';
import { limits } from '../base/limits.ts';
import { idOfName } from '../base/name_bytes.ts';
import { EventQueue, type Span } from './event_queue.ts';
import { Stalls } from './stalls.ts';

export interface Watch {
  close(): void;
  /** It tells each name that comes or goes; absent: it only tells that something has changed. */
  tellsNames?: true;
  /** The last time in which changes of the folder may have gone unseen; null: never. Absent: never. */
  blind?(): Span | null;
}

/**
 * Calls back at once when an entry of the folder changes. `renamed`: an entry came, went or changed its name;
 * else its content changed. `name` is as `idOfName` shows it, and null if the system does not report it.
 * @param through a path that leads to the same folder now, even if a link takes its place
 * @throws ENOENT if there is no such folder (any more), EACCES if this user may not read it
 */
export type WatchFolder = (
  path: string,
  changed: (name: string | null, renamed: boolean) => void,
  through?: string,
) => Watch;

/** All watches of this process share it. */
export const eventQueue = new EventQueue();
const stalls = new Stalls();

/** Folders that are watched now, and folders that are polled because the system refused a watch. */
export const watched = { by_events: 0, by_polling: 0 };

/**
 * Uses directory events. If the system has none (no inotify, or no watches left), chokidar polls the folder.
 */
export const watchFolder: WatchFolder = (path, changed, through = path) => {
  let watcher: FSWatcher;
  try {
    watcher = watch(through, { persistent: false, encoding: 'buffer' }, (what, name) => {
      eventQueue.count();
      changed(name && idOfName(name), what === 'rename');
    });
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    // Polling would not see the folder either.
    if (['ENOENT', 'ENOTDIR', 'EACCES', 'EPERM'].includes(code ?? '')) throw error;
    if (watched.by_polling === 0) {
      const what = `No directory events for ${path} (${message}); it and what follows is polled.`;
      report(new AfterlogError('WATCHES_EXHAUSTED', what), { path });
    }
    return poll(path, changed);
  }
  watched.by_events++;
  let failed: Span | null = null;
  // The watch of a deleted folder may report an error; the next look at the parent finds the deletion.
  watcher.on('error', () => {
    failed = { from_ms: Date.now(), to_ms: Date.now() };
    watcher.close();
  });
  watcher.on('close', unwatched);
  return {
    close: () => {
      // The system says so with an event that Node.js does not pass on.
      eventQueue.count();
      watcher.close();
    },
    tellsNames: true,
    blind: () => failed ?? eventQueue.lost,
  };
};

const unwatched = (): void => {
  watched.by_events--;
};

function poll(path: string, changed: (name: string | null, renamed: boolean) => void): Watch {
  if (watched.by_polling++ === 0) stalls.begin();
  const watcher = watchByPolling(path, {
    usePolling: true,
    interval: limits.tail.poll_ms,
    depth: 0,
    ignoreInitial: true,
    persistent: false,
  });
  watcher.on('all', (what) => changed(null, what !== 'change'));
  watcher.on('error', () => {});
  return {
    close: () => {
      if (--watched.by_polling === 0) stalls.end();
      void watcher.close();
    },
    blind: () => stalls.last,
  };
}
