import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { AfterlogError } from '../base/errors.ts';
import { type Settings, settingsSchema } from '../config/settings.ts';

const marker = '.afterlog-demo-fleet';

/**
 * The settings of a fleet, and of what runs beside it: it has a folder of its own, unless one was named.
 * @throws AfterlogError DEMO_DIR_FOREIGN
 */
export function demoSettings(given: Settings): Settings {
  const settings = { ...given };
  const runtime_dir = settingsSchema.parse({}).data_dir;
  if (given.data_dir === runtime_dir) {
    settings.data_dir = resolve('.afterlog-demo');
    const own_state = given.state_dir !== join(runtime_dir, '.afterlog');
    settings.state_dir = own_state ? given.state_dir : join(settings.data_dir, '.afterlog');
  }
  refuseForeign(settings.data_dir);
  mkdirSync(join(settings.data_dir, 'vms'), { recursive: true });
  return settings;
}

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
