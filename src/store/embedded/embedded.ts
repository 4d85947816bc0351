import { spawn } from 'node:child_process';
import { mkdir, readFile, realpath, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { totalmem } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { isAlive } from '../../base/child_process.ts';
import { type ChildServer, startOnPort, untilReady } from '../../base/child_server.ts';
import { AfterlogError, reasonOf } from '../../base/errors.ts';
import { limits } from '../../base/limits.ts';

export interface Embedded extends ChildServer {
  url: string;
}

/**
 * A ClickHouse server of our own on 127.0.0.1, with its data in `dir` (made if missing; kept afterwards). It
 * runs in a child process that ends when this process does.
 * @throws AfterlogError EMBEDDED_MISSING (optional packages not installed), EMBEDDED_IN_USE, EMBEDDED_FAILED
 *   (with its output)
 */
export async function startEmbedded(options: { dir: string; http_port?: number }): Promise<Embedded> {
  const library = findLibrary();
  await mkdir(options.dir, { recursive: true });
  const dir = await realpath(resolve(options.dir));
  const config = join(dir, 'config.xml');
  await writeFile(config, serverConfig());
  return await startOnPort<Embedded>(options.http_port, {
    start: (port) => startOn(library, dir, config, port),
    mayRetry: async (_, output) => {
      const lostRace = options.http_port === undefined && /Address already in use/.test(output);
      return lostRace || (isLocked(output) && (await holderEnds(dir)));
    },
    failure: (port, output) => failure(dir, port, output),
  });
}

/** The started server, or its output if it failed. */
async function startOn(
  library: string,
  dir: string,
  config: string,
  port: number,
): Promise<Embedded | string> {
  // '-' is stdin itself. ClickHouse would open '/dev/stdin' anew, which fails for the socket that Node.js
  // provides.
  const query = `SYSTEM START LISTEN HTTP; SELECT count() FROM file('-', 'LineAsString', 'line String')`;
  const script = fileURLToPath(import.meta.url).replace(/embedded(\.[jt]s)$/, 'embedded_child$1');
  const child = spawn(
    process.execPath,
    // ClickHouse mixes options with one dash and with two; each value is a separate argument.
    [script, library, '--config-file', config, '--path', dir, '--listen_host', '127.0.0.1'].concat(
      ['--http_port', String(port)],
      ['--query', query],
    ),
    { stdio: ['pipe', 'pipe', 'pipe'] },
  );
  // A write to the stdin of a child that has just died must not end this process.
  child.stdin.on('error', () => {});
  const url = `http://127.0.0.1:${port}`;
  const outcome = await untilReady(child, {
    answers: (signal) => answers(url, dir, signal),
    end: () => child.stdin.end(),
    start_ms: limits.embedded.start_ms,
    stop_ms: limits.embedded.stop_ms,
  });
  return typeof outcome === 'string' ? outcome : { ...outcome, url };
}

/** True if the server on `dir` answers: another server on the port must not be mistaken for it. */
async function answers(url: string, dir: string, signal: AbortSignal): Promise<boolean> {
  const query = encodeURIComponent("SELECT path FROM system.disks WHERE name = 'default'");
  // When ClickHouse stops, it waits 5 s for connections that are still open, idle ones too.
  const headers = { connection: 'close' };
  const response = await fetch(`${url}/?query=${query}`, { signal, headers }).catch(() => null);
  const path = await response?.text().catch(() => null);
  return Boolean(path) && resolve(path!.trim()) === dir;
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

/** ClickHouse's defaults are for a machine of its own: 90 % of the memory, 5 GiB of caches. */
function serverConfig(): string {
  const memory = Math.min(limits.embedded.memory_bytes_max, Math.floor(totalmem() / 2));
  return `<clickhouse>
  <max_server_memory_usage>${memory}</max_server_memory_usage>
  <mark_cache_size>${limits.embedded.cache_bytes}</mark_cache_size>
  <primary_index_cache_size>${limits.embedded.cache_bytes}</primary_index_cache_size>
</clickhouse>
`;
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
  return new AfterlogError('EMBEDDED_FAILED', `ClickHouse did not start on ${dir}, port ${port}:\n${output}`);
}
