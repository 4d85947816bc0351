/**
 * The writer of capture.ts: `node bench/short_life.ts VMS SANDBOXES ALIVE LIFE_MS` creates SANDBOXES
 * sandboxes, ALIVE of them at a time, and deletes each after LIFE_MS. Prints the median of their real life
 * times, in ms.
 */
import { closeSync, mkdirSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** All consoles start with the same lines, because every sandbox boots the same kernel. */
const BOOT = '[    0.000000] Linux version 6.1.0\r\n'.repeat(30);
const BOOT_PARTS = 3;

/** The output of sandbox `index`: at the start, in the middle and at the end of its life. */
export function consoleOf(index: number): { id: string; parts: Buffer[]; bytes: Buffer } {
  const parts = Array.from({ length: BOOT_PARTS }, (_, part) =>
    Buffer.from(
      `${part === 0 ? BOOT : ''}${`[12:04:31] [app] sandbox ${index}, part ${part}\r\n`.repeat(10)}`,
    ),
  );
  return { id: `sb-${index}`, parts, bytes: Buffer.concat(parts) };
}

async function live(vms: string, index: number, life_ms: number): Promise<number> {
  const { id, parts } = consoleOf(index);
  const folder = join(vms, id);
  const born = performance.now();
  mkdirSync(folder);
  const file = openSync(join(folder, 'console.log'), 'w');
  writeSync(file, parts[0]!);
  await sleep(life_ms / 2);
  writeSync(file, parts[1]!);
  await sleep(Math.max(0, born + life_ms - performance.now()));
  writeSync(file, parts[2]!);
  closeSync(file);
  rmSync(folder, { recursive: true });
  return performance.now() - born;
}

if (import.meta.main) {
  const [vms, ...numbers] = process.argv.slice(2);
  const [sandboxes, alive, life_ms] = numbers.map(Number) as [number, number, number];
  let next = 0;
  const lived: number[] = [];
  const slot = async (): Promise<void> => {
    while (next < sandboxes) lived.push(await live(vms!, next++, life_ms));
  };
  await Promise.all(Array.from({ length: alive }, slot));
  console.log(lived.sort((a, b) => a - b)[lived.length >> 1]!.toFixed(0));
}
