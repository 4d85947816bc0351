import { renameSync, writeFileSync } from 'node:fs';
import type { TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../../src/base/child_process.ts';
import { until } from './patience.ts';
import { releasedRole } from './released.ts';

/** Tries of whoever has the old secret; the role looks every 2 s. */
const TRIES = 300;

/** Replaces a file as a whole. */
export function put(path: string, text: string): void {
  writeFileSync(`${path}.new`, text);
  renameSync(`${path}.new`, path);
}

/** Asks again and again. @returns the last answer, or the first one that is `wanted` */
export async function askUntil(wanted: number, ask: () => Promise<number>): Promise<number> {
  let status = await ask();
  for (let tries = 0; tries < TRIES && status !== wanted; tries++) {
    await sleep(50);
    status = await ask();
  }
  return status;
}

/** A server of the released command on a free port. */
export async function startReleasedServer(t: TestContext, environment: Record<string, string>) {
  const port = await freePort();
  const server = releasedRole(t, ['server'], { AFTERLOG_LISTEN: `127.0.0.1:${port}`, ...environment });
  server.start();
  const address = `http://127.0.0.1:${port}`;
  const healthy = () =>
    fetch(`${address}/healthz`).then(
      ({ status }) => status === 200,
      () => false,
    );
  await until(healthy, () => server.output);
  const get = (path: string, token: string): Promise<Response> =>
    fetch(address + path, { headers: { Authorization: `Bearer ${token}` } });
  const status = async (token: string): Promise<number> => {
    // 0: the answer was cut, because the token was taken away meanwhile.
    const answer = await get('/v1/sandboxes', token).catch(() => null);
    await answer?.body?.cancel().catch(() => {});
    return answer?.status ?? 0;
  };
  return { server, port, get, status };
}
