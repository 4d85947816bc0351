import { randomBytes } from 'node:crypto';
import { closeSync, openSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { OWN_FILE } from './own_files.ts';

/**
 * Writes a file that holds a secret: only the user of the process may read it. The text goes to a new file
 * that then takes the name, because an old file keeps its mode and its readers, and a link leads elsewhere.
 * What a crash left of an earlier write is removed.
 * @throws the system's error
 */
export function writeOwnText(path: string, text: string): void {
  removeUnfinished(path);
  const unfinished = `${path}.${randomBytes(6).toString('hex')}.tmp`;
  // `wx` refuses a name that exists, also one of a link.
  const fd = openSync(unfinished, 'wx', OWN_FILE);
  try {
    try {
      writeFileSync(fd, text);
    } finally {
      closeSync(fd);
    }
    renameSync(unfinished, path);
  } catch (error) {
    rmSync(unfinished, { force: true });
    throw error;
  }
}

function removeUnfinished(path: string): void {
  const folder = dirname(path);
  const start = `${basename(path)}.`;
  for (const name of readdirSync(folder)) {
    const isUnfinished = name.startsWith(start) && /^[0-9a-f]{12}\.tmp$/.test(name.slice(start.length));
    if (isUnfinished) rmSync(join(folder, name), { force: true });
  }
}
