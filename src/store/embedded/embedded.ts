import { spawn } from 'node:child_process';
import { mkdir, readFile, realpath, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { totalmem } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { exitOf, freePort, isAlive, keepLastLines, settlesWithin } from '../../base/child_process.ts';
import { AfterlogError, reasonOf } from '../../base/errors.ts';
import { limits } from '../../base/limits.ts';

export interface Embedded {
  url: string;
  pid: number;
  /** Ends it in order; after a bound by SIGKILL. */
  stop(): Promise<void>;
  /** SIGKILL, now. */
  kill(): void;
  /** Exit code, null after a signal. */
  exited: Promise<number | null>;
}

/**
 * A ClickHouse server of our own on 127.0.0.1, with its data in `dir` (made if missing; kept afterwards). It
 * lives in a child process that ends when this process does.
 * @throws AfterlogError EMBEDDED_MISSING (optional packages not installed), EMBEDDED_IN_USE, EMBEDDED_FAILED (with its
 * output)
 */
export async function startEmbedded(options: { dir: string; http_port?: number }): Promise<Embedded> {
  const library = findLibrary();
  await mkdir(options.dir, { recursive: true });
  const dir = await realpath(resolve(options.dir));
  const config = join(dir, 'config.xml');
  await writeFile(config, serverConfig());
  for (let tries = 1; ; tries++) {
    const port = options.http_port ?? (await freePort());
    const outcome = await startOn(library, dir, config, port);
    if (typeof outcome !== 'string') return outcome;
    const lostRace = options.http_port === undefined && /Address already in use/.test(outcome);
    const mayTry = lostRace || (isLocked(outcome) && (await holderEnds(dir)));
    if (!mayTry || tries >= limits.server.free_port_tries) throw await failure(dir, port, outcome);
  }
}

/** The started server, or what it printed before it ended. */
async function startOn(
  library: string,
  dir: string,
  config: string,
  port: number,
): Promise<Embedded | string> {
  // '-' is stdin itself; '/dev/stdin' would be opened anew, which fails for the socket that Node gives.
  const query = `SYSTEM START LISTEN HTTP; SELECT count() FROM file('-', 'LineAsString', 'line String')`;
  const script = fileURLToPath(import.meta.url).replace(/embedded(\.[jt]s)$/, 'embedded_child$1');
  const child = spawn(
    process.execPath,
    // Options have one dash or two here, and each value is a word of its own.
    [script, library, '--config-file', config, '--path', dir, '--listen_host', '127.0.0.1'].concat(
      ['--http_port', String(port)],
      ['--query', query],
    ),
    { stdio: ['pipe', 'pipe', 'pipe'] },
  );
  const output = keepLastLines(child);
  const exited = exitOf(child);
  // A write to the stdin of a child that has just died must not end this process.
  child.stdin.on('error', () => {});
  const url = `http://127.0.0.1:${port}`;
  const started = new AbortController();
  const ready = await Promise.race([
    answers(url, dir, started.signal),
    exited.then(() => false),
    sleep(limits.embedded.start_ms, false, { signal: started.signal }).catch(() => false),
  ]);
  started.abort();
  if (!ready) {
    const ended = child.exitCode !== null || child.signalCode !== null || child.pid === undefined;
    child.kill('SIGKILL');
    await exited;
    return output() || (ended ? 'it ended without a word' : `no answer in ${limits.embedded.start_ms} ms`);
  }
  return {
    url,
    pid: child.pid!,
    exited,
    kill: () => void child.kill('SIGKILL'),
    stop: async () => {
      child.stdin.end();
      if (await settlesWithin(exited, limits.embedded.stop_ms)) return;
      child.kill('SIGKILL');
      await exited;
    },
  };
}

/** Waits until the server on `dir` answers: whatever else may listen on the port is not taken for it. */
async function answers(url: string, dir: string, signal: AbortSignal): Promise<boolean> {
  const query = encodeURIComponent("SELECT path FROM system.disks WHERE name = 'default'");
  // At its end ClickHouse waits 5 s for connections that are still open, idle ones too.
  const headers = { connection: 'close' };
  while (!signal.aborted) {
    const response = await fetch(`${url}/?query=${query}`, { signal, headers }).catch(() => null);
    const path = await response?.text().catch(() => null);
    if (path && resolve(path.trim()) === dir) return true;
    await sleep(limits.server.start_poll_ms);
  }
  return false;
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

/** ClickHouse's defaults are for a server of its own: 90 % of the memory, 5 GiB of caches. */
function serverConfig(): string {
  const memory = Math.min(limits.embedded.memory_bytes_max, Math.floor(totalmem() / 2));
  return `<clickhouse>
  <max_server_memory_usage>${memory}</max_server_memory_usage>
  <mark_cache_size>${limits.embedded.cache_bytes}</mark_cache_size>
  <primary_index_cache_size>${limits.embedded.cache_bytes}</primary_index_cache_size>
</clickhouse>
`;
}

// ClickHouse locks <dir>/status and writes its pid there: a lock that a dead process cannot keep.
const isLocked = (output: string): boolean => /Cannot lock file/.test(output);

async function holderOf(dir: string): Promise<number | null> {
  const status = await readFile(join(dir, 'status'), 'utf8').catch(() => '');
  const pid = Number(/^PID: (\d+)/m.exec(status)?.[1]);
  return pid > 0 ? pid : null;
}

/** The server of a process that was killed ends by itself a moment later: true when it has. */
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
