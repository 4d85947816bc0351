import { mkdirSync, rmSync } from 'node:fs';
import { resolve } from 'node:path';
import { test } from 'node:test';
import { watchFolder } from '../../src/tail/watch.ts';
import { TailHost } from '../support/tail_host.ts';

test('the root folder is deleted and made again: the new one is watched', async (t) => {
  const watched: string[] = [];
  const host = new TailHost(t, undefined, undefined, (path, changed) => {
    watched.push(path);
    return watchFolder(path, changed);
  });
  rmSync(host.vms, { recursive: true });
  mkdirSync(host.vms);
  await host.eventually(
    'two watches',
    () => watched.filter((path) => resolve(path) === host.vms).length === 2,
  );
  host.write('sb', 'after\n');
  await host.read('sb', 6);
});
