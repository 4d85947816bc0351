import { accessSync, constants, statSync } from 'node:fs';
import { basename } from 'node:path';
import { AfterlogError, reasonOf } from '../../base/errors.ts';
import { harmless } from '../../base/text.ts';
import { parseFile } from '../../parse/file.ts';
import { setReadyTexts } from '../../parse/mark/ready.ts';
import { jsonLine, print } from '../output.ts';

/**
 * `afterlog parse FILE`: parses its lines without a server, as an agent with these ready texts would.
 * @throws AfterlogError FILE_MISSING, FILE_UNREADABLE
 */
export async function parse(
  path: string,
  ready: readonly string[],
  options: { json?: boolean },
): Promise<void> {
  setReadyTexts(ready);
  checkFile(path);
  let text = '';
  for (const row of parseFile(path, logNameOf(path))) {
    const { prefix: _, ending: __, ...shown } = row;
    const marks = [row.event, row.title].filter(Boolean).join(': ');
    text += options.json
      ? jsonLine(shown)
      : `${String(row.position).padStart(9)} ${row.timestamp} ${row.timestamp_kind.padEnd(12)} ${harmless(row.source).padEnd(9)} ` +
        `${row.severity.padEnd(5)} ${row.entry_position === row.position ? ' ' : '|'} ${harmless(row.message)}${marks && `  ← ${harmless(marks)}`}\n`;
    if (text.length > 64 * 1024) {
      await print(text);
      text = '';
    }
  }
  await print(text);
}

function checkFile(path: string): void {
  try {
    if (statSync(path).isDirectory()) {
      throw new AfterlogError('FILE_MISSING', `${path} is a folder, not a file.`);
    }
    accessSync(path, constants.R_OK);
  } catch (error) {
    if (error instanceof AfterlogError) throw error;
    const missing = ['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '');
    if (missing) throw new AfterlogError('FILE_MISSING', `There is no file ${path}.`, error);
    throw new AfterlogError('FILE_UNREADABLE', `Cannot read ${path}: ${reasonOf(error)}.`, error);
  }
}

/** The log that a file belongs to, by its name: `console.log.1` is a console, too. */
function logNameOf(path: string): string {
  if (/^events\.jsonl(\.|$)/.test(basename(path))) return 'events';
  return /^firecracker\.log(\.|$)/.test(basename(path)) ? 'firecracker' : 'console';
}
