/**
 * Measures `GET …/logs?tail=500` with many stored sandboxes: requests per second, p50 and p99. For
 * comparison, a server reads the last 500 lines from a file, as the runtime does while a sandbox runs.
 *
 *   node bench/api.ts [--sandboxes 100000] [--asked 2000] [--lines 1000] [--other-lines 100]
 *                     [--clients 1,8,32] [--seconds 5] [--profile DIR]
 *
 * ClickHouse, both servers and the clients share this machine. ClickHouse generates the lines: `--lines` for
 * each of the `--asked` sandboxes, which are spread evenly among the others, and `--other-lines` for each of
 * the others. `--profile` saves a CPU profile of the server.
 */
import {
  closeSync,
  fstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { Agent, createServer, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { ClickHouseLogLevel, createClient } from '@clickhouse/client';
import { freePort } from '../src/base/child_process.ts';
import { migrate } from '../src/store/care/migrate.ts';
import { startEmbedded } from '../src/store/embedded/embedded.ts';
import { cpuSeconds, printTable, reached, Script } from './process.ts';

const { values } = parseArgs({
  options: {
    sandboxes: { type: 'string', default: '100000' },
    asked: { type: 'string', default: '2000' },
    lines: { type: 'string', default: '1000' },
    'other-lines': { type: 'string', default: '100' },
    clients: { type: 'string', default: '1,8,32' },
    seconds: { type: 'string', default: '5' },
    profile: { type: 'string' },
    /** Internal: this process is the server that reads files. */
    serve: { type: 'string' },
    port: { type: 'string' },
  },
});
const TAIL = 500;
/** Number of files of the other server; few are enough, because it opens a file for each request. */
const FILES = 200;

if (values.serve !== undefined) serveFiles(values.serve, Number(values.port));
else await main();

async function main(): Promise<void> {
  const [sandboxes, wanted, lines, other_lines, seconds] = [
    values.sandboxes,
    values.asked,
    values.lines,
    values['other-lines'],
    values.seconds,
  ].map(Number) as [number, number, number, number, number];
  /** One of this many sandboxes is requested. */
  const stride = Math.max(1, Math.floor(sandboxes / wanted));
  const dir = mkdtempSync(join(tmpdir(), 'afterlog-api-'));
  const clickhouse = await startEmbedded({ dir: join(dir, 'clickhouse') });
  const client = createClient({
    url: clickhouse.url,
    request_timeout: 600_000,
    log: { level: ClickHouseLogLevel.OFF },
  });
  const table: (string | number)[][] = [
    ['', 'clients', 'requests/s', 'p50 ms', 'p99 ms', 'CPU ms a request', 'of it the server'],
  ];
  try {
    await migrate(client, 'afterlog');
    const started_ms = performance.now();
    await fill();
    const took_s = ((performance.now() - started_ms) / 1_000).toFixed(0);
    console.log(`Stored ${sandboxes} sandboxes in ${took_s} s: ${await stored()}.`);
    const files = join(dir, 'vms');
    writeFiles(files, lines);
    const [api_port, file_port] = [await freePort(), await freePort()];
    const environment = {
      ...process.env,
      AFTERLOG_CLICKHOUSE_URL: clickhouse.url,
      AFTERLOG_LISTEN: `127.0.0.1:${api_port}`,
      AFTERLOG_AGENT_LISTEN: '127.0.0.1:0',
      AFTERLOG_LOG_LEVEL: 'warn',
    };
    const profile = values.profile === undefined ? [] : ['--cpu-prof', '--cpu-prof-dir', values.profile];
    const api = new Script('../src/cli/main.ts', ['server'], environment, profile);
    const plain = new Script('api.ts', ['--serve', files, '--port', String(file_port)]);
    try {
      for (const port of [api_port, file_port]) await reached('a server', () => answers(port));
      for (const clients of values.clients.split(',').map(Number)) {
        await measure(
          'afterlog',
          api_port,
          api.pid,
          [api.pid, clickhouse.pid],
          clients,
          () => random(sandboxes / stride) * stride,
        );
        await measure('reading the file', file_port, plain.pid, [plain.pid], clients, () => random(FILES));
      }
      printTable(table);
    } finally {
      await api.end('SIGTERM');
      await plain.end('SIGTERM');
    }
  } finally {
    await client.close();
    await clickhouse.stop();
    rmSync(dir, { recursive: true, force: true });
  }

  /**
   * Inserts 2,000 sandboxes per INSERT, in the order of the key, like a consumer; merges run in the
   * background.
   */
  async function fill(): Promise<void> {
    const at_once = 2_000;
    for (let from = 0; from < sandboxes; from += at_once) {
      const some = Math.min(at_once, sandboxes - from);
      await client.command({
        query: `INSERT INTO afterlog.console_logs (record, sandbox_id, log, stream_started_at, position, timestamp,
            observed_at, ingest_day, host, source, severity, prefix, message, ending)
          SELECT 'line', concat('sb-', toString(sandbox)), 'console',
            toDateTime64('2026-11-20 10:00:00', 9, 'UTC'), line * 100, now64(9), now64(9), today(),
            'bench', 'app', 'INFO', '2026-06-01T15:30:18Z [agent] ',
            substring(concat('request ', toString(cityHash64(sandbox, line)), ' done in 12 ms, 3 rows, cache miss, ', repeat('x', 60)), 1, 68),
            '\\r\\n'
          FROM (SELECT ${from} + number AS sandbox FROM numbers(${some}))
          ARRAY JOIN range(if(sandbox % ${stride} = 0, ${lines}, ${other_lines})) AS line`,
        clickhouse_settings: { max_insert_threads: '1', min_insert_block_size_rows: '1000000' },
      });
    }
  }

  async function stored(): Promise<string> {
    const query = `SELECT concat(toString(sum(rows)), ' lines, ', toString(count()), ' parts, ',
        formatReadableSize(sum(bytes_on_disk))) AS text
      FROM system.parts WHERE active AND database = 'afterlog' AND table = 'console_logs'`;
    const [row] = await (await client.query({ query, format: 'JSONEachRow' })).json<{ text: string }>();
    return row!.text;
  }

  async function measure(
    what: string,
    port: number,
    own: number,
    pids: number[],
    clients: number,
    id: () => number,
  ): Promise<void> {
    const agent = new Agent({ keepAlive: true, maxSockets: clients });
    const took: number[] = [];
    const cpu = (): number => pids.reduce((sum, pid) => sum + cpuSeconds(pid), 0);
    let [cpu_before, own_before] = [0, 0];
    let from_ms = Number.POSITIVE_INFINITY;
    const end_ms = performance.now() + 1_000 + seconds * 1_000;
    const work = async (): Promise<void> => {
      while (performance.now() < end_ms) {
        const sandbox = `sb-${id()}`;
        const started_ms = performance.now();
        const bytes = await get(agent, port, `/v1/sandboxes/${sandbox}/logs?tail=${TAIL}`);
        if (bytes < TAIL * 90) throw new Error(`${sandbox}: ${bytes} bytes`);
        if (started_ms >= from_ms) took.push(performance.now() - started_ms);
      }
    };
    // The first second is for warm-up.
    setTimeout(() => {
      from_ms = performance.now();
      [cpu_before, own_before] = [cpu(), cpuSeconds(own)];
    }, 1_000);
    await Promise.all(Array.from({ length: clients }, work));
    const elapsed_s = (performance.now() - from_ms) / 1_000;
    const [cpu_s, own_s] = [cpu() - cpu_before, cpuSeconds(own) - own_before];
    agent.destroy();
    took.sort((a, b) => a - b);
    const at = (share: number): string => (took[Math.ceil(took.length * share) - 1] ?? Number.NaN).toFixed(1);
    table.push([
      what,
      clients,
      (took.length / elapsed_s).toFixed(0),
      at(0.5),
      at(0.99),
      ((cpu_s * 1_000) / took.length).toFixed(1),
      ((own_s * 1_000) / took.length).toFixed(1),
    ]);
  }
}

function random(below: number): number {
  return Math.floor(Math.random() * below);
}

function writeFiles(vms: string, lines: number): void {
  const line = `2026-06-01T15:30:18Z [agent] request 4711 done in 12 ms, 3 rows, cache miss, ${'x'.repeat(21)}\r\n`;
  for (let index = 0; index < FILES; index++) {
    mkdirSync(join(vms, `sb-${index}`), { recursive: true });
    writeFileSync(join(vms, `sb-${index}`, 'console.log'), line.repeat(lines));
  }
}

function answers(port: number): Promise<boolean> {
  return fetch(`http://127.0.0.1:${port}/healthz`).then(
    ({ ok }) => ok,
    () => false,
  );
}

/** @returns number of bytes in the answer */
function get(agent: Agent, port: number, path: string): Promise<number> {
  return new Promise((resolve, reject) => {
    request({ agent, host: '127.0.0.1', port, path }, (response) => {
      let bytes = 0;
      response.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
      });
      response.on('end', () => {
        if (response.statusCode === 200) resolve(bytes);
        else reject(new Error(`HTTP status ${response.statusCode}`));
      });
    })
      .on('error', reject)
      .end();
  });
}

/** Serves the last lines of a file, read from its end, like the server of a runtime. */
function serveFiles(vms: string, port: number): void {
  createServer((incoming, response) => {
    const id = /^\/v1\/sandboxes\/([^/]+)\/logs/.exec(incoming.url ?? '')?.[1];
    if (id === undefined) return void response.end('{"status":"ok"}');
    response.setHeader('Content-Type', 'text/plain; charset=utf-8');
    response.end(tailOf(join(vms, id, 'console.log')));
  }).listen(port, '127.0.0.1');
}

function tailOf(path: string): Buffer {
  const file = openSync(path, 'r');
  try {
    const { size } = fstatSync(file);
    let bytes = Buffer.alloc(0);
    for (let from = size, seen = 0; from > 0 && seen <= TAIL; ) {
      const length = Math.min(65_536, from);
      from -= length;
      const chunk = Buffer.alloc(length);
      readSync(file, chunk, 0, length, from);
      for (const byte of chunk) if (byte === 10) seen++;
      bytes = Buffer.concat([chunk, bytes]);
    }
    let at = bytes.length;
    for (let count = 0; count <= TAIL && at > 0; count++) at = bytes.lastIndexOf(10, at - 1);
    return bytes.subarray(Math.max(at, -1) + 1);
  } finally {
    closeSync(file);
  }
}
