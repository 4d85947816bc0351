/**
 * The followers of followers.ts: `node bench/follower_clients.ts HOST PORT SANDBOXES FOLLOWERS WARM_S` opens
 * FOLLOWERS event streams, spread over the sandboxes, and prints `open` when all are open. On SIGTERM it
 * prints the delays of all lines from their write to their arrival here, without those of the first WARM_S
 * seconds.
 *
 * It uses plain sockets, because HTTP clients would use more CPU of this machine than the server that is
 * measured.
 */
import { connect } from 'node:net';

const [host, ...numbers] = process.argv.slice(2) as [string, ...string[]];
const [port, sandboxes, followers, warm_s] = numbers.map(Number) as [number, number, number, number];
const MARK = Buffer.from('written ');
/** Digits after the mark: µs since 1970. */
const DIGITS = 16;
/** For each line the times of its write and its arrival, in ms since 1970. */
const written: number[] = [];
const came: number[] = [];
let opened = 0;

for (let index = 0; index < followers; index++) follow(`sb-${index % sandboxes}`);

function follow(name: string): void {
  const socket = connect(port, host);
  let rest = Buffer.alloc(0);
  let isOpen = false;
  socket.on('error', (error) => {
    console.error(String(error));
    process.exit(1);
  });
  socket.on('data', (bytes: Buffer<ArrayBuffer>) => {
    const now_ms = performance.timeOrigin + performance.now();
    const all = rest.length === 0 ? bytes : Buffer.concat([rest, bytes]);
    if (!isOpen) {
      if (!all.toString('latin1').startsWith('HTTP/1.1 200')) throw new Error(all.toString());
      isOpen = true;
      if (++opened === followers) console.log('open');
    }
    let seen = 0;
    for (let at = 0; ; ) {
      at = all.indexOf(MARK, at);
      if (at < 0 || at + MARK.length + DIGITS > all.length) break;
      at += MARK.length;
      written.push(microseconds(all, at) / 1_000);
      came.push(now_ms);
      seen = at;
    }
    // Keeps an incomplete mark for the next piece.
    rest = all.subarray(Math.max(seen, all.length - MARK.length - DIGITS));
  });
  socket.write(
    `GET /v1/sandboxes/${name}/logs?follow=1&tail=0 HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`,
  );
}

function microseconds(bytes: Buffer, at: number): number {
  let value = 0;
  for (let digit = at; digit < at + DIGITS; digit++) value = value * 10 + bytes[digit]! - 48;
  return value;
}

process.once('SIGTERM', () => {
  const from_ms =
    written.reduce((least, one) => Math.min(least, one), Number.POSITIVE_INFINITY) + warm_s * 1_000;
  const delays = came
    .map((came_ms, index) => (written[index]! < from_ms ? Number.NaN : came_ms - written[index]!))
    .filter((delay) => !Number.isNaN(delay))
    .sort((a, b) => a - b);
  const at = (share: number): number =>
    Math.round(delays[Math.ceil(delays.length * share) - 1] ?? Number.NaN);
  const all = { lines: delays.length, p50_ms: at(0.5), p99_ms: at(0.99), max_ms: at(1) };
  process.stdout.write(`${JSON.stringify(all)}\n`, () => process.exit(0));
});
