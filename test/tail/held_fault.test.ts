import assert from 'node:assert/strict';
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { type TestContext, test } from 'node:test';
import { TailHost } from '../support/tail_host.ts';

const KIB = 1024;
const line = `${'x'.repeat(1023)}\n`;

/** From now on, opening these files fails. @returns how often it did */
function refuseToOpen(t: TestContext, code: string, which: (path: string) => boolean): () => number {
  const { openSync } = fs;
  let refused = 0;
  const open = ((path: string, flags: string | number, mode?: number) => {
    if (typeof flags !== 'number' || !which(path)) return openSync(path, flags, mode);
    refused++;
    throw Object.assign(new Error(`${code}: made up, open '${path}'`), { code, syscall: 'open' });
  }) as typeof openSync;
  Object.assign(fs, { openSync: open });
  syncBuiltinESMExports();
  t.after(() => {
    Object.assign(fs, { openSync });
    syncBuiltinESMExports();
  });
  return () => refused;
}

async function deletedUnread(t: TestContext): Promise<TailHost> {
  const host = new TailHost(t, 100 * KIB);
  host.write('sb', 'read\n');
  await host.read('sb', 5);
  host.tailer.pause();
  host.write('sb', line.repeat(128));
  host.delete('sb');
  return host;
}

const gapOf = ({ position, bytes }: { position: number; bytes: number | null }) => [position, bytes];

test('the last bytes of a file over the limit cannot be copied: the whole file is let go, and nothing is left over', async (t) => {
  const refused = refuseToOpen(t, 'ENOSPC', (path) => path.includes(',aside,'));
  const host = await deletedUnread(t);
  const [stream] = await host.sealed('sb');
  assert.ok(refused() > 0);
  assert.equal(String(stream!.bytes), 'read\n');
  assert.deepEqual(stream!.gaps.map(gapOf), [[5, 128 * KIB]]);
  await host.eventually('no pin, no copy', () => fs.readdirSync(host.pins).length === 0);
});

test('a file over the limit that cannot be read is let go, and its gap row says why', async (t) => {
  let isOn = false;
  const refused = refuseToOpen(t, 'EIO', (path) => isOn && path.includes('/pins/sb,'));
  const host = new TailHost(t, 100 * KIB);
  host.write('sb', 'read\n');
  await host.read('sb', 5);
  host.tailer.pause();
  isOn = true;
  host.write('sb', line.repeat(128));
  host.delete('sb');
  const [stream] = await host.sealed('sb');
  assert.ok(refused() > 0);
  assert.equal(String(stream!.bytes), 'read\n');
  assert.deepEqual(stream!.gaps.map(gapOf), [[5, 128 * KIB]]);
  assert.match(stream!.gaps[0]!.reason, /could not be read: EIO/);
});
