import assert from 'node:assert/strict';
import fs, { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { join, resolve } from 'node:path';
import { type TestContext, test } from 'node:test';
import { log } from '../../src/base/log.ts';
import { type WatchFolder, watched, watchFolder } from '../../src/tail/watch.ts';
import { overrideLimits } from '../support/limits.ts';
import { until } from '../support/patience.ts';
import { rotate } from '../support/rotate.ts';
import { bytesOf } from '../support/streams.ts';
import { TailHost } from '../support/tail_host.ts';

/** From now on the system refuses directory events, as it does when this user has no watches left. */
function refuseWatches(t: TestContext, code: string): void {
  const { watch } = fs;
  const refused = (): never => {
    throw Object.assign(new Error(`${code}: System limit for number of file watchers reached`), { code });
  };
  Object.assign(fs, { watch: refused });
  syncBuiltinESMExports();
  t.after(() => {
    Object.assign(fs, { watch });
    syncBuiltinESMExports();
  });
}

/** The real watches of folders, and how often each told that a name came or went. */
class Watches {
  private readonly told = new Map<string, number>();

  readonly watch: WatchFolder = (path, changed) =>
    watchFolder(path, (name, renamed) => {
      if (renamed) this.told.set(resolve(path), this.of(path) + 1);
      changed(name, renamed);
    });

  private of(path: string): number {
    return this.told.get(resolve(path)) ?? 0;
  }

  /** What is there when polling begins is no news: waits until it has begun, with names that nobody reads. */
  async work(path: string): Promise<void> {
    const before = this.of(path);
    let names = 0;
    await until(
      () => {
        writeFileSync(join(path, `.${names++}`), '');
        return this.of(path) > before;
      },
      () => `polling of ${path}`,
    );
  }
}

/** A sandbox that is there at once, with what its console holds. */
function begin(host: TailHost, sandbox: string, text: string): void {
  const made = join(host.dir, sandbox);
  mkdirSync(made);
  writeFileSync(join(made, 'console.log'), text);
  renameSync(made, join(host.vms, sandbox));
}

for (const code of ['ENOSPC', 'EMFILE']) {
  test(`no directory events (${code}): polling alone finds every byte of logs that are written, rotated, truncated and deleted`, async (t) => {
    const warnings: string[] = [];
    t.mock.method(log, 'warn', (_fields: object, text: string) => warnings.push(text));
    refuseWatches(t, code);
    // No look but those that polling asks for.
    overrideLimits({ tail: { reconcile_ms: 3_600_000, poll_ms: 50 } }, t);
    const watches = new Watches();
    const host = new TailHost(t, undefined, undefined, watches.watch);
    await watches.work(host.vms);
    begin(host, 'sb', 'one\n');
    await host.read('sb', 4);
    await watches.work(join(host.vms, 'sb'));
    assert.deepEqual(watched, { by_events: 0, by_polling: 2 });

    host.write('sb', 'two\nthr');
    await host.read('sb', 8);
    host.write('sb', 'ee\n');
    await host.read('sb', 14);

    rotate(host.path('sb'));
    host.write('sb', 'rotated\n');
    await host.read('sb', 22);

    writeFileSync(host.path('sb'), 'new\n');
    await host.read('sb', 26);

    begin(host, 'later', 'another\n');
    await host.read('later', 8);
    await watches.work(join(host.vms, 'later'));
    assert.deepEqual(watched, { by_events: 0, by_polling: 3 });

    host.write('sb', 'last words');
    host.delete('sb');
    host.delete('later');
    const [first, second] = await host.sealed('sb', 2);
    assert.equal(first!.bytes.toString(), 'one\ntwo\nthree\nrotated\n');
    assert.equal(first!.seal!.reason, 'truncated');
    assert.equal(second!.bytes.toString(), 'new\nlast words');
    assert.deepEqual([second!.seal!.reason, second!.seal!.complete], ['deleted', true]);
    assert.equal(bytesOf(await host.sealed('later')).toString(), 'another\n');
    await host.eventually('no polling of folders that are gone', () => watched.by_polling === 1);
    const exhausted = warnings.filter((text) => text.includes('No directory events'));
    assert.equal(exhausted.length, 1, 'said once, not for each folder');
    assert.ok(exhausted[0]!.includes(code));
  });
}

test('a pause longer than the limit while a folder is polled: a gap says when nobody watched', async (t) => {
  t.mock.method(log, 'warn', () => {});
  refuseWatches(t, 'ENOSPC');
  overrideLimits({ tail: { poll_ms: 50, stall_ms: 1_000 } }, t);
  const watches = new Watches();
  const host = new TailHost(t, undefined, undefined, watches.watch);
  await watches.work(host.vms);
  begin(host, 'sb', 'one\n');
  await host.read('sb', 4);
  await watches.work(join(host.vms, 'sb'));
  const from_ms = Date.now();
  rotate(host.path('sb'));
  host.write('sb', 'unseen\n');
  host.delete('sb');
  while (Date.now() - from_ms < 1_500);
  const [stream] = await host.sealed('sb');
  assert.equal(stream!.bytes.toString(), 'one\n');
  assert.equal(stream!.seal!.complete, false);
  assert.match(stream!.gaps[0]!.reason, /^nobody watched from \S+Z to \S+Z: /);
});
