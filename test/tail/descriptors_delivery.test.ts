import assert from 'node:assert/strict';
import { appendFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { freePort } from '../../src/base/child_process.ts';
import { AgentSite } from '../support/agent_site.ts';
import { clickhouseSite, rowsOf } from '../support/clickhouse.ts';
import { until } from '../support/patience.ts';
import { environmentOf, RoleProcess } from '../support/roles.ts';

test('while descriptors are short, each log that has a place is delivered, and /healthz answers', async (t) => {
  const { settings, client, database } = await clickhouseSite(t);
  // Its folders only: the agent is the command, with its address.
  const site = new AgentSite();
  t.after(() => site.close());
  for (let index = 0; index < 300; index++) {
    site.make(`sb-${index}`);
    writeFileSync(site.path(`sb-${index}`), `log ${index}\n`);
  }
  const address = `127.0.0.1:${await freePort()}`;
  const agentSettings = { ...settings, data_dir: site.settings.data_dir, agent_listen: address };
  const env = { ...environmentOf(agentSettings), AFTERLOG_PINS: 'descriptor' };
  const agent = new RoleProcess(t, ['agent'], env, ['prlimit', '--nofile=256']);
  agent.start();
  const stored = (where: string) =>
    rowsOf<{ id: string }>(
      client,
      `SELECT DISTINCT sandbox_id AS id FROM ${database}.console_logs WHERE record = 'line' AND ${where}`,
    );
  let first: { id: string }[] = [];
  await until(
    async () => {
      first = await stored('1');
      return first.length === 64 && agent.output.includes('DESCRIPTORS_SHORT');
    },
    () => `${first.length} logs: ${agent.output}`,
  );
  for (let round = 0; round < 3; round++) {
    for (const { id } of first) appendFileSync(site.path(id), `round ${round}\n`);
    // Many at once, each on a connection of its own.
    const answers = await Promise.all(
      Array.from({ length: 20 }, () =>
        fetch(`http://${address}/healthz`, { headers: { connection: 'close' } }),
      ),
    );
    assert.deepEqual([...new Set(answers.map(({ status }) => status))], [200]);
    const told = (await answers[0]!.json()) as { descriptors: number };
    assert.equal(told.descriptors, 64, 'the shortage lasts');
    await until(
      async () => (await stored(`message = 'round ${round}'`)).length === 64,
      () => agent.output,
    );
  }
});
