/**
 * The process that is the embedded ClickHouse:
 * `node --disable-sigusr1 embedded_child.ts <libchdb.so> <folder> <port> <config>`.
 *
 * ClickHouse runs in a thread of its own, for as long as its last query sleeps. The first line of stdin is
 * the password of afterlog's user. When stdin closes, the query is ended, and the server ends in order; when
 * the parent dies, whatever killed it, the kernel closes it.
 */
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { limits } from '../../base/limits.ts';
import { OWN_SESSION_OPTIONS, OWN_USER } from './access.ts';
import { ask } from './ask.ts';
import type { Call } from './embedded_call.ts';

// The parent ends this process. A Ctrl-C in the terminal, or a signal of a service manager to the whole
// group, must not end the store before the roles that still write to it.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});

const [library, dir, port, config] = process.argv.slice(2) as [string, string, string, string];
/** One row a block, so that the query looks each time whether it was ended. */
const SLEEP = 'SELECT sleepEachRow(3) FROM numbers(1000000000000) SETTINGS max_block_size = 1 FORMAT Null';
const call: Call = {
  library,
  dir,
  port: Number(port),
  // ClickHouse mixes options with one dash and with two; each value is a separate argument.
  options: ['--config-file', config, '--path', dir, '--listen_host', '127.0.0.1', '--http_port', port].concat(
    OWN_SESSION_OPTIONS,
    ['--query', `SYSTEM START LISTEN HTTP; ${SLEEP}`],
  ),
};
const script = import.meta.url.replace(/embedded_child(\.[jt]s)$/, 'embedded_call$1');
const clickhouse = new Worker(new URL(script), { workerData: call, trackUnmanagedFds: false });
clickhouse.on('error', (error) => console.error(error));
// The thread ends the process itself, unless it could not even start.
clickhouse.on('exit', (code) => process.exit(code));

let password = '';
createInterface({ input: process.stdin })
  .on('line', (line) => {
    password = line;
  })
  .on('close', () => void end());

async function end(): Promise<void> {
  setTimeout(() => process.kill(process.pid, 'SIGKILL'), limits.embedded.stop_ms);
  const login = { origin: `http://127.0.0.1:${port}`, username: OWN_USER, password };
  const query = `KILL QUERY WHERE startsWith(query, '${SLEEP.slice(0, SLEEP.indexOf(' SETTINGS'))}')`;
  // No row: it does not sleep yet.
  while ((await ask(login, query).catch(() => '')) === '') await sleep(limits.server.start_poll_ms);
}
