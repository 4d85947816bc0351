import { spawn } from 'node:child_process';
import { readFile, realpath } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { isAlive } from '../../base/child_process.ts';
import { type ChildServer, startOnPort, untilReady } from '../../base/child_server.ts';
import { AfterlogError, reasonOf } from '../../base/errors.ts';
import { report } from '../../base/faults.ts';
import { limits } from '../../base/limits.ts';
import { makeOwnFolder } from '../../base/own_files.ts';
import { addedUsers, OWN_USER, UNCONFINED, usersFolder, writeStartFiles } from './access.ts';
import { ask, type Login } from './ask.ts';
import { listensOn } from './listens.ts';

export interface Embedded extends ChildServer {
  /** The address for people: without user and password. */
  origin: string;
  username: string;
  password: string;
  /** The address for clients: with user and password. */
  url: string;
}

/**
 * A ClickHouse server of our own on 127.0.0.1, with its data in `dir` (made if missing; kept afterwards), and
 * its users in `usersFolder(dir)`. It runs in a child process that ends when this process does.
 * @throws AfterlogError EMBEDDED_MISSING (optional packages not installed), EMBEDDED_IN_USE, EMBEDDED_FAILED
 *   (with its output)
 */
export async function startEmbedded(options: { dir: string; http_port?: number }): Promise<Embedded> {
  const library = findLibrary();
  makeOwnFolder(options.dir);
  const dir = await realpath(resolve(options.dir));
  return await startOnPort<Embedded>(options.http_port, {
    start: (port) => startOn(library, dir, port),
    mayRetry: async (_, output) => {
      const lostRace = options.http_port === undefined && /Address already in use/.test(output);
      return lostRace || (isLocked(output) && (await holderEnds(dir)));
    },
    failure: (port, output) => failure(dir, port, output),
  });
}

/** The started server, or its output if it failed. */
async function startOn(library: string, dir: string, port: number): Promise<Embedded | string> {
  const files = writeStartFiles(dir);
  const { password } = files;
  const script = fileURLToPath(import.meta.url).replace(/embedded(\.[jt]s)$/, 'embedded_child$1');
  // The child has neither the handler of bin/afterlog.js nor our NODE_OPTIONS.
  const args = ['--disable-sigusr1', script, library, dir, String(port), files.config];
  const child = spawn(process.execPath, args, {
    stdio: ['pipe', 'pipe', 'pipe'],
    cwd: dir,
    env: childEnvironment(),
  });
  // A write to the stdin of a child that has just died must not end this process.
  child.stdin.on('error', () => {});
  child.stdin.write(`${password}\n`);
  let isConfined = true;
  child.stdout.on('data', (text) => {
    if (String(text).includes(UNCONFINED)) isConfined = false;
  });
  const origin = `http://127.0.0.1:${port}`;
  const login = { origin, username: OWN_USER, password };
  const outcome = await untilReady(child, {
    answers: async (signal) => listensOn(child.pid!, port) && (await answers(login, dir, signal)),
    end: () => child.stdin.end(),
    start_ms: limits.embedded.start_ms,
    stop_ms: limits.embedded.stop_ms,
  }).finally(files.remove);
  if (typeof outcome === 'string') return outcome;
  if (!isConfined) {
    const what =
      'The kernel has no Landlock, or does not let it in, so the embedded ClickHouse is not confined to its folder.';
    report(new AfterlogError('EMBEDDED_UNCONFINED', what), { path: dir });
  }
  return { ...outcome, ...login, url: `http://${OWN_USER}:${password}@127.0.0.1:${port}` };
}

/** A query could read the child's environment, so that holds no settings of afterlog. */
function childEnvironment(): NodeJS.ProcessEnv {
  const { PATH, TZ, LANG, NODE_COMPILE_CACHE } = process.env;
  return Object.fromEntries(
    Object.entries({ PATH, TZ, LANG, NODE_COMPILE_CACHE }).filter(([, value]) => value !== undefined),
  );
}

/** True if the server on `dir` answers: another server on the port must not be mistaken for it. */
async function answers(login: Login, dir: string, signal: AbortSignal): Promise<boolean> {
  const path = await ask(login, "SELECT path FROM system.disks WHERE name = 'default'", signal).catch(
    () => '',
  );
  return path !== '' && resolve(path) === dir;
}

function findLibrary(): string {
  const require = createRequire(import.meta.url);
  try {
    require.resolve('ffi-rs');
    const { libchdbPath } = require('chdb/libchdb') as { libchdbPath(): string };
    return libchdbPath();
  } catch (error) {
    const reason = reasonOf(error).split('\n')[0];
    throw new AfterlogError('EMBEDDED_MISSING', `There is no embedded ClickHouse here: ${reason}`, error);
  }
}

// ClickHouse locks <dir>/status and writes its pid there. The lock ends with its process.
const isLocked = (output: string): boolean => /Cannot lock file/.test(output);

async function holderOf(dir: string): Promise<number | null> {
  const status = await readFile(join(dir, 'status'), 'utf8').catch(() => '');
  const pid = Number(/^PID: (\d+)/m.exec(status)?.[1]);
  return pid > 0 ? pid : null;
}

/**
 * True once the process that holds the folder has ended: the server of a killed process ends a moment after
 * it.
 */
async function holderEnds(dir: string): Promise<boolean> {
  const until_ms = performance.now() + limits.embedded.lock_ms;
  for (;;) {
    const pid = await holderOf(dir);
    if (pid === null || !isAlive(pid)) return true;
    if (performance.now() >= until_ms) return false;
    await sleep(limits.server.start_poll_ms);
  }
}

async function failure(dir: string, port: number, output: string): Promise<AfterlogError> {
  if (isLocked(output)) {
    const holder = (await holderOf(dir)) ?? 'unknown';
    return new AfterlogError(
      'EMBEDDED_IN_USE',
      `The folder ${dir} is in use by a ClickHouse, process ${holder}.`,
    );
  }
  // ClickHouse says nothing about a configuration that it cannot read.
  const users = addedUsers(dir).map((name) => join(usersFolder(dir), name));
  const hint = users.length > 0 ? `\nIf ClickHouse gives no reason, check ${users.join(', ')}.` : '';
  return new AfterlogError(
    'EMBEDDED_FAILED',
    `ClickHouse did not start on ${dir}, port ${port}:\n${output}${hint}`,
  );
}
