import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { isAlive } from '../../src/base/child_process.ts';
import { afterlog } from '../support/command.ts';
import { startDemo } from '../support/demo.ts';
import { until } from '../support/patience.ts';
import { temporaryDir } from '../support/temporary.ts';

test('the demo runs where the port is taken, one at a time in a folder, and goes on after SIGKILL', async (t) => {
  const dir = await temporaryDir(t);
  // Taken by this test, or by somebody else on this machine already.
  const other = createServer();
  t.after(() => other.close());
  await new Promise<void>((settle) => other.once('error', () => settle()).listen(8600, '127.0.0.1', settle));

  const first = startDemo(t, dir, ['up', '--demo']);
  const [, address] = await first.says(/HTTP API: (http:\S+) \(127\.0\.0\.1:8600 is in use\)/);
  await first.says(/rows=[1-9]/);
  assert.equal((await fetch(`${address}/v1/sandboxes`)).status, 200);

  const second = startDemo(t, dir, ['up', '--demo']);
  assert.equal(await second.exited, 1);
  assert.match(
    second.printed(),
    /in use by a ClickHouse, process \d+\. \[EMBEDDED_IN_USE\]\n {2}→ Use the `afterlog up` that runs/,
  );
  assert.equal(first.child.exitCode, null);

  first.child.kill('SIGKILL');
  await first.exited;
  // Its ClickHouse ends by itself, in a moment or, on a busy machine, in some more.
  const [, clickhouse] = /process (\d+)\./.exec(second.printed())!;
  await until(() => !isAlive(Number(clickhouse)));
  const again = startDemo(t, dir, ['up', '--demo']);
  await again.says(/compared=[1-9]/);
  again.child.kill('SIGINT');
  assert.equal(await again.exited, 0, again.printed());
  assert.match(again.printed(), /Ran \d+ sandboxes.* compared byte for byte, 0 bytes lost/);
});

test('up starts with a lost table too, so that UNDROP TABLE can bring it back', async (t) => {
  const dir = await temporaryDir(t);
  mkdirSync(join(dir, 'vms'));
  const settings = ['--data-dir', dir, '--state-dir', join(dir, 'state')];
  const environment = { XDG_CACHE_HOME: dir };
  const start = () => startDemo(t, dir, ['up', ...settings, '--listen', '127.0.0.1:0']);
  const sql = async (query: string): Promise<void> => {
    const { code, stderr } = await afterlog(['sql', '--write', query, ...settings], environment);
    assert.equal(code, 0, stderr);
  };
  const first = start();
  await first.says(/^Running\./m);
  await sql('DROP TABLE afterlog.marks');
  first.child.kill('SIGINT');
  assert.equal(await first.exited, 0, first.printed());
  const again = start();
  await again.says(/^Running\./m);
  assert.match(again.printed(), /afterlog\.marks is lost/);
  await sql('UNDROP TABLE afterlog.marks');
  await sql('SELECT count() FROM afterlog.marks');
  again.child.kill('SIGINT');
  await again.exited;
});

test('an address that was set is not exchanged for another', async (t) => {
  const dir = await temporaryDir(t);
  const other = createServer();
  t.after(() => other.close());
  await new Promise<void>((settle) => other.listen(0, '127.0.0.1', settle));
  const listen = `127.0.0.1:${(other.address() as { port: number }).port}`;
  const refused = startDemo(t, dir, ['up', '--demo', '--listen', listen]);
  assert.equal(await refused.exited, 1);
  assert.match(refused.printed(), new RegExp(`Another process listens on ${listen}. \\[PORT_IN_USE\\]`));
});

test('fleet writes sandboxes, and nothing where there are those of others', async (t) => {
  const dir = await temporaryDir(t);
  const fleet = startDemo(t, dir, ['fleet']);
  await fleet.says(/alive=[1-9]\d* deleted=\d+ failed=\d+ lines=[1-9]/);
  fleet.child.kill('SIGTERM');
  assert.equal(await fleet.exited, 0, fleet.printed());
  const vms = join(dir, '.afterlog-demo', 'vms');
  assert.ok(readdirSync(vms).some((id) => existsSync(join(vms, id, 'console.log'))));

  const foreign = join(dir, 'foreign');
  mkdirSync(join(foreign, 'vms', 'sb-1'), { recursive: true });
  writeFileSync(join(foreign, 'vms', 'sb-1', 'console.log'), 'precious\n');
  const refused = await afterlog(['fleet', '--data-dir', foreign]);
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, /\[DEMO_DIR_FOREIGN\]/);
});
