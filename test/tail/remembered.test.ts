import assert from 'node:assert/strict';
import { appendFileSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { overrideLimits } from '../support/limits.ts';
import { TailHost } from '../support/tail_host.ts';

const pinsOf = (host: TailHost, sandbox: string): number =>
  readdirSync(host.pins).filter((name) => name.startsWith(`${sandbox},`)).length;

test('sealed sandboxes that may come back are remembered up to a limit, the oldest forgotten first', async (t) => {
  overrideLimits({ tail: { away_ms: 100, sandboxes_remembered_max: 1 } }, t);
  const host = new TailHost(t);
  const away = join(host.dir, 'away');
  mkdirSync(away);
  for (const id of ['older', 'newer']) {
    host.write(id, 'one\n');
    await host.read(id, 4);
    renameSync(join(host.vms, id), join(away, id));
    await host.sealed(id);
    await host.eventually(`one pin of ${id}`, () => pinsOf(host, id) === 1);
  }
  await host.eventually('no pin of the older one', () => pinsOf(host, 'older') === 0);
  await host.eventually('its end', () => !host.tailer.sandboxes.has('older'));
  renameSync(join(away, 'newer'), join(host.vms, 'newer'));
  host.write('newer', 'two\n');
  await host.read('newer', 8);
  assert.deepEqual(
    host.streams('newer').map(({ bytes }) => bytes.toString()),
    ['one\n', 'two\n'],
  );
  host.delete('newer');
  await host.eventually('no pin', () => readdirSync(host.pins).length === 0);
  await host.eventually('nothing left', () => host.tailer.sandboxes.size === 0);
});

test('files of one log outside of its folder are remembered up to a limit, until they are deleted', async (t) => {
  overrideLimits({ tail: { files_remembered_max: 2 } }, t);
  const host = new TailHost(t);
  const away = join(host.dir, 'away');
  mkdirSync(away);
  let wanted = '';
  for (const turn of [0, 1, 2, 3]) {
    host.write('sb', `turn ${turn}\n`);
    wanted += `turn ${turn}\n`;
    await host.read('sb', wanted.length);
    renameSync(host.path('sb'), join(away, String(turn)));
    writeFileSync(host.path('sb'), '');
  }
  await host.eventually('two files and the live one', () => pinsOf(host, 'sb') === 3);
  appendFileSync(join(away, '3'), 'late\n');
  await host.read('sb', wanted.length + 5);
  rmSync(away, { recursive: true });
  await host.eventually('the live one', () => pinsOf(host, 'sb') === 1);
  host.delete('sb');
  const [stream] = await host.sealed('sb');
  assert.equal(stream!.bytes.toString(), `${wanted}late\n`);
  assert.deepEqual(stream!.gaps, []);
});

test('a sealed sandbox whose file loses its last name elsewhere is forgotten, with pin and state', async (t) => {
  overrideLimits({ tail: { away_ms: 100 } }, t);
  const host = new TailHost(t);
  const away = join(host.dir, 'away');
  host.write('sb', 'one\n');
  await host.read('sb', 4);
  renameSync(join(host.vms, 'sb'), away);
  await host.sealed('sb');
  // biome-ignore lint/complexity/useLiteralKeys: private; only a look finds out what becomes of the file now
  await host.eventually('rest', () => host.tailer['unsettled'].size === 0);
  assert.equal(pinsOf(host, 'sb'), 1);
  rmSync(away, { recursive: true });
  await host.eventually('nothing left', () => host.tailer.sandboxes.size === 0);
  assert.equal(pinsOf(host, 'sb'), 0);
});
