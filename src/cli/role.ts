import { log } from '../base/log.ts';
import { refuseExposed } from '../config/exposed.ts';
import type { Settings } from '../config/settings.ts';
import type { Flushes } from '../serve/role_status.ts';

/** A started long-running role. */
export interface RunningRole {
  stop(): Promise<void>;
}

/**
 * Serves `/healthz` and `/metrics`, and an agent's `/flush/<id>`, for a role without its own HTTP server.
 * @throws AfterlogError SETTING_INVALID if others could reach the address without a token
 */
export async function withStatus<R extends RunningRole & { status(): object } & Partial<Flushes>>(
  name: 'agent' | 'consumer',
  settings: Settings,
  start: () => Promise<R>,
): Promise<R> {
  const { serveStatus } = await import('../serve/role_status.ts');
  const setting = `${name}_listen` as const;
  refuseExposed(settings, setting);
  const role = await start();
  const agent = role.flush === undefined ? null : { flush: role.flush };
  const { host, agent_token } = settings;
  const options = { address: settings[setting], agent_token, host, agent };
  const served = await serveStatus(name, () => role.status(), options).catch(async (error: unknown) => {
    // Nobody else would stop the role.
    await role.stop();
    throw error;
  });
  return {
    ...role,
    async stop() {
      served.close();
      await role.stop();
    },
  };
}

/**
 * Runs a role until SIGINT or SIGTERM, then stops it cleanly. A second signal ends the process at once, which
 * every role survives without loss.
 * @throws the errors of the role's start and stop
 */
export async function runRole(
  name: string,
  start: () => Promise<RunningRole>,
  started: string,
): Promise<void> {
  let stopping = false;
  const asked = new Promise<string>((resolve) => {
    for (const name of ['SIGINT', 'SIGTERM'] as const) {
      process.on(name, () => {
        if (stopping) process.exit(1);
        stopping = true;
        resolve(name);
      });
    }
  });
  // A signal during the start takes effect after it; a second signal takes effect at once.
  const role = await start();
  log.info({ role: name }, started);
  const signal = await asked;
  log.info({ role: name, signal }, 'Stopping.');
  await role.stop();
  log.info({ role: name }, 'Stopped.');
}
