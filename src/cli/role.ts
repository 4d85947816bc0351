import { log } from '../base/log.ts';
import type { Flushes } from '../serve/role_status.ts';

/** A started long-running role. */
export interface RunningRole {
  stop(): Promise<void>;
}

/** Serves `/healthz` and `/metrics`, and an agent's `/flush/<id>`, for a role without its own HTTP server. */
export async function withStatus<R extends RunningRole & { status(): object } & Partial<Flushes>>(
  name: string,
  address: string,
  start: () => Promise<R>,
): Promise<R> {
  const { serveStatus } = await import('../serve/role_status.ts');
  const role = await start();
  const agent = role.flush === undefined ? null : { flush: role.flush };
  const close = await serveStatus(name, address, () => role.status(), agent).catch(async (error: unknown) => {
    // Nobody else would stop the role.
    await role.stop();
    throw error;
  });
  return {
    ...role,
    async stop() {
      close();
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
