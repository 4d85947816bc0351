import assert from 'node:assert/strict';
import fs, { writeFileSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { type TestContext, test } from 'node:test';
import { TailHost } from '../support/tail_host.ts';

/** The next write to a copy that the agent makes finds no room on the disk. */
function refuseNextCopy(t: TestContext): { isRefused: () => boolean } {
  const { openSync } = fs;
  let isRefused = false;
  const mend = (): void => {
    Object.assign(fs, { openSync });
    syncBuiltinESMExports();
  };
  const refused = ((path: string, flags: string | number, mode?: number) => {
    const isWrite = typeof flags === 'number' && (flags & fs.constants.O_RDWR) !== 0;
    if (!isWrite || !path.includes(',aside,')) return openSync(path, flags, mode);
    isRefused = true;
    mend();
    throw Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC', syscall: 'open' });
  }) as typeof openSync;
  Object.assign(fs, { openSync: refused });
  syncBuiltinESMExports();
  t.after(mend);
  return { isRefused: () => isRefused };
}

/** Reading pauses, and the first copy of 4 new bytes was refused. */
async function refusedCopy(t: TestContext): Promise<TailHost> {
  const host = new TailHost(t);
  host.write('sb', 'read before\n');
  await host.read('sb', 12);
  host.tailer.pause();
  const { isRefused } = refuseNextCopy(t);
  host.write('sb', 'one\n');
  await host.eventually('a refused write', isRefused);
  return host;
}

test('bytes that find no room on the disk are copied soon after, although nobody writes any more', async (t) => {
  const host = await refusedCopy(t);
  await host.aside('sb', [16]);
});

test('the first bytes of a copy find no room on the disk: the next try copies them, and all bytes arrive', async (t) => {
  const host = await refusedCopy(t);
  host.write('sb', 'two\n');
  await host.aside('sb', [20]);
  host.write('sb', 'three\n');
  await host.aside('sb', [26]);
  writeFileSync(host.path('sb'), 'after the wake\n');
  await host.aside('sb', [15]);
  host.tailer.resume();
  await host.read('sb', 26 + 15);
  host.delete('sb');
  const streams = await host.sealed('sb', 2);
  assert.deepEqual(
    streams.map(({ bytes }) => bytes.toString()),
    ['read before\none\ntwo\nthree\n', 'after the wake\n'],
  );
});
