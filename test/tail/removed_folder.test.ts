import assert from 'node:assert/strict';
import { renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { SimulatedHost } from '../support/simulated_host.ts';

const ID = 'sb';

/** What is stored of a console whose folder is being removed while looks list it; its first file has left it. */
async function removedAmid(t: TestContext, seed: number): Promise<string[]> {
  const host = new SimulatedHost(t, { births: 'kept', links: 'unwanted' });
  const { agent } = host;
  await agent.start();
  await host.write(ID, 'one\n');
  await agent.tick(500);
  host.rotate(ID, 'two\n');
  await agent.deliver();
  await agent.tick(3_000);
  const folder = dirname(host.path(ID));
  const elsewhere = join(dirname(dirname(folder)), 'elsewhere');
  renameSync(host.path(ID, 'console.log.1'), elsewhere);
  agent.notify(folder, 'console.log.1', true);
  // FUSE says so of a folder that was removed after it was opened; others list no names.
  agent.faults.begin({ calls: 40, chance: 0.5, seed, only: ['readdirSync'], code: 'ENOENT' });
  await agent.deliver();
  await agent.tick(500);
  agent.faults.end();
  rmSync(elsewhere);
  await host.delete(ID);
  await agent.tick(5_000);
  return host.streams(ID).map(({ bytes, seal }) => `${bytes}${seal?.reason}`);
}

test('a folder that is removed while it is listed says nothing of the files that have left it', async (t) => {
  for (let seed = 1; seed <= 40; seed++) {
    await t.test(`seed ${seed}`, async (t) => {
      assert.deepEqual(await removedAmid(t, seed), ['one\ntwo\ndeleted']);
    });
  }
});
