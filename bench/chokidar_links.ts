/**
 * For capture.ts: `node bench/chokidar_links.ts VMS LINKS` hard-links each console.log when chokidar reports
 * it.
 */
import { linkSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { watch } from 'chokidar';

const [vms, links] = process.argv.slice(2) as [string, string];
const watcher = watch(vms);
watcher.on('add', (path) => {
  if (basename(path) !== 'console.log') return;
  try {
    linkSync(path, join(links, basename(dirname(path))));
  } catch {
    // The file is already deleted: missed.
  }
});
watcher.on('error', () => {});
watcher.on('ready', () => console.log('ready'));
