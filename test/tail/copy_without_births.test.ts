import assert from 'node:assert/strict';
import { copyFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { SimulatedHost } from '../support/simulated_host.ts';

for (const births of ['kept', 'none'] as const)
  for (const links of ['work', 'unwanted'] as const)
    test(`the next agent knows a copy of a file that was written over (births ${births}, links ${links})`, async (t) => {
      const host = new SimulatedHost(t, { births, links });
      await host.agent.start();
      await host.write('sb', 'boot line one\nboot line two\n');
      await host.agent.tick(500);
      writeFileSync(host.path('sb'), 'again\n', { flag: 'r+' });
      await host.write('sb', '');
      await host.agent.tick(500);
      copyFileSync(host.path('sb'), host.path('sb', 'console.log.1'));
      host.truncate('sb');
      await host.write('sb', '');
      await host.agent.tick(500);
      const stored = ['boot line one\n', 'boot line two\n', 'again\n'];
      assert.ok(await host.agent.flush('sb'));
      assert.deepEqual(host.rowsOf('sb'), stored);
      await host.agent.kill();
      await host.agent.start();
      assert.ok(await host.agent.flush('sb'));
      assert.deepEqual(host.rowsOf('sb'), stored);
    });
