import { existsSync } from 'node:fs';
import { rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AfterlogError } from '../base/errors.ts';
import { report } from '../base/faults.ts';
import { closeOwnFiles, makeOwnFolder, OWN_FILE } from '../base/own_files.ts';
import { loggableReason } from '../store/refusal.ts';
import { type Batch, batchId } from '../wire/header.ts';
import { toSpool } from '../wire/spooled.ts';

/**
 * Stores batches that the destination refuses for good in `<state_dir>/refused/`, one file each, with the
 * reason beside it; gap rows stand in their place.
 */
export function setAsideIn(dir: string): (refused: { batch: Batch; reason: string }) => Promise<void> {
  if (existsSync(dir)) {
    makeOwnFolder(dir);
    closeOwnFiles(dir);
  }
  return async ({ batch, reason }) => {
    makeOwnFolder(dir);
    const path = join(dir, batchId(batch.header).replaceAll('/', '-'));
    await writeFile(`${path}.new`, toSpool(batch), { flush: true, mode: OWN_FILE });
    await writeFile(`${path}.reason`, `${reason}\n`, { mode: OWN_FILE });
    await rename(`${path}.new`, `${path}.batch`);
    const id = batchId(batch.header);
    const what = `Batch ${id} was refused (${loggableReason(reason)}) and is kept in ${path}.batch.`;
    report(new AfterlogError('BATCH_REFUSED', what), { batch: id, path: `${path}.batch` }, 'error');
  };
}
