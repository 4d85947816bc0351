import { limits } from '../../base/limits.ts';
import type { Settings } from '../../config/settings.ts';
import { startFleet } from '../../demo/fleet.ts';
import { demoSettings } from '../../demo/fleet_folder.ts';
import { fleetLine } from '../../demo/status_line.ts';
import { print } from '../output.ts';
import { runRole } from '../role.ts';

/**
 * `afterlog fleet`: writes the files of the demo's sandboxes, for a separate agent, and prints its figures
 * regularly.
 * @throws AfterlogError DEMO_DIR_FOREIGN
 */
export async function fleet(given: Settings): Promise<void> {
  const { data_dir } = demoSettings(given);
  await runRole(
    'fleet',
    async () => {
      const running = await startFleet({ data_dir });
      const timer = setInterval(() => void print(`${fleetLine(running.status())}\n`), limits.demo.line_ms);
      return {
        stop: async () => {
          clearInterval(timer);
          await running.stop();
        },
      };
    },
    `The fleet writes to ${data_dir}.`,
  );
}
