import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { AfterlogError } from '../base/errors.ts';
import { type Settings, settingsSchema } from '../config/settings.ts';

const marker = '.afterlog-demo-fleet';

/**
 * The settings for a fleet and the roles beside it: `.afterlog-demo` replaces the default data dir.
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
 * Refuses a folder with sandboxes of somebody else, because the fleet deletes the contents of
 * `<data_dir>/vms`.
 * @throws AfterlogError DEMO_DIR_FOREIGN
 */
export function refuseForeign(data_dir: string): void {
  const vms = join(data_dir, 'vms');
  if (!existsSync(vms) || existsSync(join(data_dir, marker)) || readdirSync(vms).length === 0) return;
  throw new AfterlogError('DEMO_DIR_FOREIGN', `${vms} contains sandboxes that the demo did not create.`);
}

/**
 * Takes `<data_dir>/vms` for the fleet, and empties it.
 * @throws AfterlogError DEMO_DIR_FOREIGN
 */
export function takeFolder(data_dir: string): void {
  refuseForeign(data_dir);
  const vms = join(data_dir, 'vms');
  mkdirSync(vms, { recursive: true });
  const mark = 'The demo fleet of afterlog created this folder. It deletes everything in vms/.\n';
  writeFileSync(join(data_dir, marker), mark);
  for (const name of readdirSync(vms)) rmSync(join(vms, name), { recursive: true, force: true });
}
