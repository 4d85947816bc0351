import assert from 'node:assert/strict';
import { closeSync, openSync, writeFileSync, writeSync } from 'node:fs';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { AgentSite } from '../support/agent_site.ts';

const KB = 1_000;
const BOOT = '[    0.000000] the same first 64 KiB of each boot\n'.repeat(1_400).slice(0, 65_536);

/** @returns lines that no other life has, behind those that each boot has */
function lifeOf(name: string, bytes: number): string {
  const lines: string[] = [BOOT];
  for (let length = BOOT.length, line = 0; length < bytes; line++) {
    lines.push(`${name}, line ${line} ${'.'.repeat(line % 40)}\n`);
    length += lines.at(-1)!.length;
  }
  return lines.join('');
}

test('a writer that starts over and needs 100 s to pass the old end, behind 64 KiB as before: one stream, nothing twice', async (t) => {
  const site = new AgentSite();
  t.after(() => site.close());
  await site.start();
  const [old, later] = [lifeOf('the first life', 2_000 * KB), lifeOf('the second', 2_050 * KB)];
  site.make('sb');
  writeFileSync(site.path('sb'), old);
  await site.flush('sb');
  // Neither appended nor truncated: 20 KB/s.
  const fd = openSync(site.path('sb'), 'r+');
  t.after(() => closeSync(fd));
  const began_ms = performance.now();
  for (let at = 0; at < later.length; ) {
    at += writeSync(fd, later.slice(at, at + KB), at);
    await sleep(Math.max(0, began_ms + at / 20 - performance.now()));
  }
  await site.flush('sb');
  site.delete('sb');
  const streams = await site.sealed('sb', 2);
  assert.deepEqual(
    streams.map(({ bytes, seal }) => [bytes.length, seal!.reason]),
    [
      [old.length, 'truncated'],
      [later.length, 'deleted'],
    ],
  );
  assert.ok(streams[0]!.bytes.equals(Buffer.from(old)) && streams[1]!.bytes.equals(Buffer.from(later)));
  assert.deepEqual([streams[1]!.gaps, streams[1]!.seal!.complete], [[], true]);
});
