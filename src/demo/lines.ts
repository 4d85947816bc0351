import type { Random } from './random.ts';
import * as words from './words.ts';

/** Makes one line of text without a line end; `at_ms` is the guest's clock, ms since 1970. */
export type LineMaker = (random: Random, at_ms: number) => string;

const second = { at: Number.NaN, rfc3339: '' };
/** `2026-06-01T15:30:18Z`. Caches the last one, because many lines have the same second. */
export function stamp(at_ms: number): string {
  const at = Math.floor(at_ms / 1000);
  if (at !== second.at) {
    second.at = at;
    second.rfc3339 = `${new Date(at * 1000).toISOString().slice(0, 19)}Z`;
  }
  return second.rfc3339;
}
const stampMillis = (at_ms: number): string =>
  `${stamp(at_ms).slice(0, 19)}.${String(Math.floor(at_ms % 1000)).padStart(3, '0')}Z`;
const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'] as const;
/** `01/Jun/2026:15:30:18 +0000` */
const accessStamp = (at_ms: number): string => {
  const text = stamp(at_ms);
  return `${text.slice(8, 10)}/${months[Number(text.slice(5, 7)) - 1]}/${text.slice(0, 4)}:${text.slice(11, 19)} +0000`;
};
const timeOfDay = (at_ms: number): string => stamp(at_ms).slice(11, 19);

const id = (random: Random): string => `${random.hex(8)}`;
/** Mostly one of a few near peers, as in a real sandbox. */
const address = (random: Random): string =>
  random.chance(0.85)
    ? `10.42.0.${random.int(2, 31)}`
    : `${random.pick([100, 172, 203])}.${random.int(0, 127)}.${random.int(0, 255)}.${random.int(1, 254)}`;
const status = (random: Random): number =>
  random.chance(0.9)
    ? random.pick([200, 200, 200, 201, 204, 304])
    : random.pick([400, 401, 404, 409, 500, 503]);

export function path(random: Random): string {
  const base = `/api/v${random.int(1, 2)}/${random.pick(words.resources)}`;
  const kind = random.int(0, 4);
  if (kind === 0) return `${base}?page=${random.int(1, 90)}&per_page=${random.pick([20, 50, 100])}`;
  if (kind === 1) return `${base}/${id(random)}`;
  if (kind === 2) return `${base}/${random.int(100, 999_999)}/${random.pick(words.resources)}`;
  return kind === 3 ? `${base}/${random.int(1, 99_999)}` : base;
}

/** An access line as nginx and similar web servers write it. */
export const access: LineMaker = (random, at_ms) => {
  const method = random.pick(['GET', 'GET', 'GET', 'POST', 'PUT', 'DELETE']);
  const size = random.chance(0.2) ? random.int(2, 99) : random.int(100, 48_000);
  const agent = random.chance(0.4) ? random.pick(words.browsers) : '-';
  return `${address(random)} - - [${accessStamp(at_ms)}] "${method} ${path(random)} HTTP/1.1" ${status(random)} ${size} "-" "${agent}"`;
};

/** A JSON line as pino, zap and structlog write it. */
export const json: LineMaker = (random, at_ms) => {
  const kind = random.int(0, 3);
  if (kind === 0) {
    const level = random.chance(0.06) ? 50 : 30;
    return `{"level":${level},"time":${Math.floor(at_ms)},"pid":154,"hostname":"sandbox","reqId":"req-${random.int(1, 99_999)}","req":{"method":"${random.pick(['GET', 'POST'])}","url":"${path(random)}","remoteAddress":"${address(random)}"},"res":{"statusCode":${status(random)}},"responseTime":${random.latency(24)},"msg":"request completed"}`;
  }
  if (kind === 1) {
    return `{"ts":"${stampMillis(at_ms)}","level":"info","svc":"${random.pick(words.services)}","msg":"job finished","queue":"${random.pick(words.queues)}","attempt":1,"job_id":"${id(random)}","took_ms":${random.latency(180)}}`;
  }
  if (kind === 2) {
    return `{"level":"debug","logger":"app.cache","event":"cache ${random.pick(['hit', 'hit', 'miss'])}","key":"${random.pick(words.resources)}:${random.int(1, 999_999)}","ttl":${random.int(1, 3600)},"request_id":"${random.hex(8)}","timestamp":"${stampMillis(at_ms)}"}`;
  }
  const level = random.pick(['info', 'info', 'info', 'warn', 'error']);
  return `{"level":"${level}","ts":${(at_ms / 1000).toFixed(3)},"caller":"${random.pick(words.services)}/handler.go:${random.int(20, 400)}","msg":"request handled","env":"preview","version":"1.14.2","user":"${random.pick(words.names)}${random.int(1, 9999)}","dur":"${random.latency(30)}ms"}`;
};

/** A line of plain text. */
export const plain: LineMaker = (random) => {
  switch (random.int(0, 9)) {
    case 0:
      return `worker ${random.int(0, 7)} picked job ${random.int(1000, 99_999)} from queue ${random.pick(words.queues)} (attempt 1 of 5, waited ${random.latency(40)} ms)`;
    case 1:
      return `${random.pick(['GET', 'POST'])} ${path(random)} ${status(random)} ${random.latency(18)}ms`;
    case 2:
      return `WARN pool: connection ${random.hex(6)} idle for ${random.int(30, 900)}s, recycling (${random.int(1, 20)}/20 in use)`;
    case 3:
      return `SELECT took ${random.latency(40)}ms rows=${random.int(0, 5000)} table=${random.pick(words.resources)} plan=index_scan using ${random.pick(words.resources)}_created_at_idx`;
    case 4:
      return `sent mail to ${random.pick(words.names)}.${random.hex(3)}@example.com template=${random.pick(['receipt', 'welcome', 'reset', 'digest'])} id=${id(random)} provider=smtp attempts=1`;
    case 5:
      return `user ${random.pick(words.names)} (${random.int(1, 99_999)}) signed in from ${address(random)} with ${random.pick(['password', 'passkey', 'github'])}, session valid for 24 h`;
    case 6:
      return `heap ${random.int(40, 480)}.${random.int(0, 9)} MB of 512 MB, gc ${random.latency(6)} ms, event loop lag ${random.latency(3)} ms, ${random.int(1, 40)} handles open`;
    case 7:
      return `ERROR upstream ${random.pick(words.services)}:${random.int(3000, 9000)} answered ${random.pick([500, 502, 503, 504])} to ${path(random)} after ${random.latency(900)}ms, retry ${random.int(1, 3)} of 3`;
    case 8:
      return `stored object exports/2026/${random.pick(words.resources)}-${random.int(1000, 99_999)}.parquet (${random.int(1, 9000)} KiB) in ${random.latency(70)}ms`;
    default:
      return `order ${random.int(10_000, 999_999)}: ${random.pick(['created', 'paid', 'packed', 'shipped', 'refunded'])}, total ${random.int(3, 900)}.${random.int(10, 99)} EUR, customer ${random.pick(words.names)}, paid by ${random.pick(['card', 'invoice', 'transfer'])}`;
  }
};

/**
 * `2026-06-01T15:30:18Z [source] text`: the in-guest agent puts this prefix before the lines of its programs.
 */
export const stamped: LineMaker = (random, at_ms) => {
  const kind = random.int(0, 19);
  if (kind === 0) {
    return `${stamp(at_ms)} [agent] health.probe ok latency_ms=${random.latency(9)} mem_mb=${random.int(90, 480)}`;
  }
  if (kind === 1)
    return `${stamp(at_ms)} [agent] exec id=${random.hex(8)} exit=0 took_ms=${random.latency(200)}`;
  if (kind === 2) {
    return `${stamp(at_ms)} [autostart] npm run dev | compiled successfully in ${random.latency(220)} ms`;
  }
  return `${stamp(at_ms)} [app] ${plain(random, at_ms)}`;
};

/** `[12:04:31] [autostart] text`: with a time of day only. */
export const timed: LineMaker = (random, at_ms) => {
  const tag = random.pick(['autostart', 'autostart', 'worker', 'build']);
  return `[${timeOfDay(at_ms)}] [${tag}] ${plain(random, at_ms)}`;
};

/** A kernel line; `uptime_s` is in seconds since the guest's boot. */
export function kernel(random: Random, uptime_s: number): string {
  const head = `[${uptime_s.toFixed(6).padStart(12)}]`;
  switch (random.int(0, 5)) {
    case 0:
      return `${head} virtio_blk virtio${random.int(0, 3)}: [vd${random.pick(['a', 'b', 'c'])}] ${random.int(1, 64) * 131_072} 512-byte logical blocks (${random.int(1, 34)}.${random.int(0, 9)} GB)`;
    case 1:
      return `${head} EXT4-fs (vd${random.pick(['a', 'b'])}): mounted filesystem with ordered data mode. Quota mode: none.`;
    case 2:
      return `${head} BIOS-e820: [mem 0x${random.hex(8).padStart(16, '0')}-0x${random.hex(8).padStart(16, '0')}] ${random.pick(['usable', 'reserved', 'ACPI NVS'])}`;
    case 3:
      return `${head} TCP: request_sock_TCP: Possible SYN flooding on port ${random.int(1024, 65_535)}. Sending cookies.`;
    case 4:
      return `${head} clocksource: timekeeping watchdog on CPU${random.int(0, 3)}: hpet wd-wd read-back delay of ${random.int(50_000, 900_000)}ns`;
    default:
      return `${head} pci 0000:00:${random.hex(2)}.0: [1af4:10${random.hex(2)}] type 00 class 0x0${random.hex(5)}`;
  }
}

/** The lines of a Python traceback as the interpreter prints them, without timestamps and tags. */
export function pythonTraceback(random: Random): string[] {
  const lines = ['Traceback (most recent call last):'];
  let name = '<module>';
  for (let depth = random.int(2, 6); depth > 0; depth--) {
    const called = random.pick(words.functions);
    lines.push(`  File "/srv/${random.pick(words.pythonFiles)}", line ${random.int(8, 420)}, in ${name}`);
    lines.push(
      `    ${random.pick(['return', 'raise', 'result ='])} ${called}(${random.pick(words.resources)}, ctx)`,
    );
    name = called;
  }
  lines.push(
    random.pick([
      `KeyError: '${random.pick(words.resources)}_${random.int(1, 999)}'`,
      `ValueError: invalid literal for int() with base 10: '${random.hex(6)}'`,
      `TimeoutError: ${random.pick(words.services)} did not answer within ${random.int(2, 30)}.0 s`,
      "TypeError: unsupported operand type(s) for -: 'NoneType' and 'int'",
      `sqlalchemy.exc.OperationalError: (psycopg.OperationalError) connection to server at "${address(random)}", port 5432 failed`,
    ]),
  );
  return lines;
}

/** The lines of an uncaught error in Node.js. */
export function nodeTraceback(random: Random): string[] {
  const lines = [
    `${random.pick(['TypeError', 'Error', 'RangeError'])}: ${random.pick([
      `Cannot read properties of undefined (reading '${random.pick(words.resources)}')`,
      `connect ECONNREFUSED ${address(random)}:${random.pick([5432, 6379, 9200])}`,
      `Request ${random.hex(8)} failed with status code ${random.pick([500, 502, 429])}`,
    ])}`,
  ];
  for (let depth = random.int(3, 7); depth > 0; depth--) {
    const file = `/srv/app/dist/${random.pick(words.services)}.js:${random.int(10, 900)}:${random.int(3, 60)}`;
    lines.push(`    at ${random.chance(0.5) ? 'async ' : ''}${random.pick(words.functions)} (${file})`);
  }
  return lines;
}
