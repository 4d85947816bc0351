import { AfterlogError } from '../base/errors.ts';
import { log } from '../base/log.ts';
import { refuseExposed } from '../config/exposed.ts';
import type { Settings } from '../config/settings.ts';
import type { Flushes } from '../serve/role_status.ts';
import { Reloader, type Reloading, type Source } from './reload.ts';
import { endOnFault, startAnewOnFault } from './start_anew.ts';
import { terminalWatch } from './terminal_gone.ts';

/** A started long-running role. */
export interface RunningRole extends Reloading {
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
  let token = agent_token;
  return {
    ...role,
    reloads: ['agent_token', ...(role.reloads ?? [])],
    reload(next) {
      if (token !== undefined && next.agent_token === undefined) {
        const what = 'The agent_token is gone. This would open the address to all of this machine.';
        throw new AfterlogError('SETTING_INVALID', what);
      }
      const fields = role.reload?.(next) ?? {};
      token = next.agent_token;
      served.useToken(token);
      return fields;
    },
    async stop() {
      served.close();
      await role.stop();
    },
  };
}

/**
 * Runs a role until SIGINT or SIGTERM, or until its terminal is closed, then stops it cleanly. A second
 * SIGINT or SIGTERM ends the process at once, which every role survives without loss. Any other SIGHUP makes
 * the role read its settings again.
 * @param source null: it reads none again
 * @throws the errors of the role's start and stop
 */
export async function runRole(
  name: string,
  start: () => Promise<RunningRole>,
  started: string,
  source: Source | null = null,
): Promise<void> {
  let stopping = false;
  let isEarly = false;
  let reload = (): void => {
    isEarly = true;
  };
  const isTerminalGone = terminalWatch();
  const asked = new Promise<string>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      process.on(signal, () => {
        if (signal === 'SIGHUP') {
          // A shell and the kernel may both send it.
          if (stopping) return;
          if (source !== null && !isTerminalGone()) return reload();
        } else if (stopping) process.exit(1);
        stopping = true;
        resolve(signal);
      });
    }
  });
  // A signal during the start takes effect after it; a second signal takes effect at once.
  const role = await start();
  startAnewOnFault(name);
  log.info({ role: name }, started);
  const reloader = source === null ? null : new Reloader(name, role, source);
  if (reloader !== null) {
    reload = () => reloader.all();
    if (isEarly) reload();
  }
  const watch = reloader?.watch();
  const signal = await asked;
  endOnFault();
  if (watch) clearInterval(watch);
  log.info({ role: name, signal }, 'Stopping.');
  await role.stop();
  log.info({ role: name }, 'Stopped.');
}
