/**
 * The minimum for quiet.ts: `node bench/bare_watcher.ts VMS` watches each folder of VMS with `fs.watch` and
 * reads all bytes of each console.log, without links, parsing and spool.
 */
import { closeSync, openSync, readdirSync, readSync, watch } from 'node:fs';
import { join } from 'node:path';

const [vms] = process.argv.slice(2) as [string];
const chunk = Buffer.allocUnsafe(256 * 1024);
const offsets = new Map<string, number>();

function read(path: string): void {
  const file = openSync(path, 'r');
  const offset = offsets.get(path) ?? 0;
  offsets.set(path, offset + readSync(file, chunk, 0, chunk.length, offset));
  closeSync(file);
}

for (const name of readdirSync(vms)) {
  const path = join(vms, name, 'console.log');
  watch(join(vms, name), (_, changed) => {
    if (changed === 'console.log') read(path);
  });
  read(path);
}
console.log('ready');
