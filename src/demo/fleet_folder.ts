import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { AfterlogError } from '../errors.ts';

const marker = '.afterlog-demo-fleet';

/**
 * The fleet deletes what lies in `<data_dir>/vms`, so a folder with sandboxes that it did not make is refused.
 * @throws AfterlogError DEMO_DIR_FOREIGN
 */
export function refuseForeign(data_dir: string): void {
  const vms = join(data_dir, 'vms');
  if (!existsSync(vms) || existsSync(join(data_dir, marker)) || readdirSync(vms).length === 0) return;
  throw new AfterlogError('DEMO_DIR_FOREIGN', `${vms} holds sandboxes that the demo did not make.`);
}

/**
 * Makes `<data_dir>/vms` the fleet's own and empties it.
 * @throws AfterlogError DEMO_DIR_FOREIGN
 */
export function takeFolder(data_dir: string): void {
  refuseForeign(data_dir);
  const vms = join(data_dir, 'vms');
  mkdirSync(vms, { recursive: true });
  const mark = 'The demo fleet of afterlog made this folder, and deletes what is in vms/.\n';
  writeFileSync(join(data_dir, marker), mark);
  for (const name of readdirSync(vms)) rmSync(join(vms, name), { recursive: true, force: true });
}
