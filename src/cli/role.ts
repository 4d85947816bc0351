import { log } from '../base/log.ts';
import type { Flushes } from '../serve/role_status.ts';

/** What every long-running role returns when it has started. */
export interface Role {
  stop(): Promise<void>;
}

/** Adds `/healthz` and `/metrics`, and an agent's `/flush/<id>`, to a role that has no server of its own. */
export async function withStatus<R extends Role & { status(): object } & Partial<Flushes>>(
  name: string,
  address: string,
  start: () => Promise<R>,
): Promise<R> {
  const { serveStatus } = await import('../serve/role_status.ts');
  const role = await start();
  const agent = role.flush === undefined ? null : { flush: role.flush };
  const close = await serveStatus(name, address, () => role.status(), agent).catch(async (error: unknown) => {
    // Else it would go on without anyone who can end it.
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
 * Runs a role until SIGINT or SIGTERM, then stops it in order. A second signal ends it at once: every role is
 * built to survive that.
 * @throws what the role throws when it starts or stops
 */
export async function runRole(name: string, start: () => Promise<Role>, started: string): Promise<void> {
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
  // A signal that comes while it starts is obeyed when it has started, or by the second one.
  const role = await start();
  log.info({ role: name }, started);
  const signal = await asked;
  log.info({ role: name, signal }, 'Stopping.');
  await role.stop();
  log.info({ role: name }, 'Stopped.');
}
