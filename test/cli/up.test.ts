import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join, resolve } from 'node:path';
import { type TestContext, test } from 'node:test';
import { isAlive } from '../../src/base/child_process.ts';
import { afterlog } from '../support/command.ts';
import { until } from '../support/patience.ts';
import { temporaryDir } from '../support/servers.ts';

const main = resolve(import.meta.dirname, '../../src/cli/main.ts');

/** `afterlog …` in a folder of its own, with all that it prints. */
function start(t: TestContext, dir: string, args: string[]) {
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('AFTERLOG_'));
  const child = spawn(process.execPath, [main, ...args], {
    cwd: dir,
    // The record for other terminals goes there too.
    env: { ...Object.fromEntries(inherited), XDG_CACHE_HOME: dir },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  t.after(() => child.kill('SIGKILL'));
  let printed = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      printed += text;
    });
  }
  let isOver = false;
  const exited = new Promise<number | null>((settle) => {
    child.on('close', (code) => {
      isOver = true;
      settle(code);
    });
  });
  return {
    child,
    exited,
    printed: () => printed,
    async says(pattern: RegExp): Promise<RegExpExecArray> {
      await until(
        () => {
          if (pattern.test(printed)) return true;
          if (isOver) throw new Error(`it ended with ${child.exitCode}:\n${printed}`);
          return false;
        },
        () => `${pattern}:\n${printed}`,
      );
      return pattern.exec(printed)!;
    },
  };
}

test('the demo runs where the port is taken, one at a time in a folder, and goes on after SIGKILL', async (t) => {
  const dir = await temporaryDir(t);
  // Taken by this test, or by somebody else on this machine already.
  const other = createServer();
  t.after(() => other.close());
  await new Promise<void>((settle) => other.once('error', () => settle()).listen(8600, '127.0.0.1', settle));

  const first = start(t, dir, ['up', '--demo']);
  const [, address] = await first.says(/HTTP API: (http:\S+) \(127\.0\.0\.1:8600 is taken\)/);
  await first.says(/rows=[1-9]/);
  assert.equal((await fetch(`${address}/v1/sandboxes`)).status, 200);

  const second = start(t, dir, ['up', '--demo']);
  assert.equal(await second.exited, 1);
  assert.match(
    second.printed(),
    /in use by a ClickHouse, process \d+\. \[EMBEDDED_IN_USE\]\n {2}→ An `afterlog up` runs/,
  );
  assert.equal(first.child.exitCode, null);

  first.child.kill('SIGKILL');
  await first.exited;
  // Its ClickHouse ends by itself, in a moment or, on a busy machine, in some more.
  const [, clickhouse] = /process (\d+)\./.exec(second.printed())!;
  await until(() => !isAlive(Number(clickhouse)));
  const again = start(t, dir, ['up', '--demo']);
  await again.says(/compared=[1-9]/);
  again.child.kill('SIGINT');
  assert.equal(await again.exited, 0, again.printed());
  assert.match(again.printed(), /Ran \d+ sandboxes.* compared byte for byte, 0 bytes lost/);
});

test('an address that was set is not exchanged for another', async (t) => {
  const dir = await temporaryDir(t);
  const other = createServer();
  t.after(() => other.close());
  await new Promise<void>((settle) => other.listen(0, '127.0.0.1', settle));
  const listen = `127.0.0.1:${(other.address() as { port: number }).port}`;
  const refused = start(t, dir, ['up', '--demo', '--listen', listen]);
  assert.equal(await refused.exited, 1);
  assert.match(refused.printed(), new RegExp(`${listen} already. \\[PORT_IN_USE\\]`));
});

test('fleet writes sandboxes, and nothing where there are those of others', async (t) => {
  const dir = await temporaryDir(t);
  const fleet = start(t, dir, ['fleet']);
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
