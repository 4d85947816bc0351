import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import { SimulatedHost } from '../support/simulated_host.ts';

const ID = 'sb';
const BOOT = '[    0.000000] Linux, the same for all\n';
const FORMER = `${BOOT}${'former content, which is not passed yet\n'.repeat(50)}`;
const LONG_FORMER = `${BOOT}${'former content, which is not passed yet\n'.repeat(10_000)}`;
/** Longer than what is kept behind the place up to which all is known. */
const AWAY = 'written while no agent ran\n'.repeat(5_000);

/**
 * A console that is written over in place, and whose writer goes on while no agent runs.
 * @param first what an agent saw of it @param then what came while none ran
 */
async function resumed(t: TestContext, first: string, then: string, former = FORMER): Promise<SimulatedHost> {
  const host = new SimulatedHost(t);
  await host.agent.start();
  await host.write(ID, former);
  await host.agent.tick(2_000);
  writeOver(host, first);
  await host.write(ID, '');
  await host.agent.tick(2_000);
  await host.agent.kill();
  writeOver(host, first + then);
  await host.agent.start();
  await host.agent.tick(3_000);
  return host;
}

const writeOver = (host: SimulatedHost, text: string): void =>
  writeFileSync(host.path(ID), text, { flag: 'r+' });

async function ends(host: SimulatedHost, text: string): Promise<string[]> {
  writeOver(host, text);
  await host.write(ID, '');
  await host.agent.tick(2_000);
  await host.write(ID, 'behind the former content\n');
  await host.agent.tick(2_000);
  await host.delete(ID);
  await host.agent.tick(5_000);
  return host.streams(ID).flatMap(({ gaps }) => gaps.map(({ reason }) => reason));
}

const isUnsure = (reason: string): boolean => reason.startsWith('written over in place');

test('a second writer starts over before it is known how far the first one got: a gap row tells of it', async (t) => {
  const host = await resumed(t, `${BOOT}boot 1 of sb\n`, 'written while no agent ran, and lost\n');
  const reasons = await ends(
    host,
    `${BOOT}boot 2 of sb, and all that it says: as much as the first one said\n`,
  );
  assert.equal(reasons.length, 2, JSON.stringify(reasons));
});

test('… and its content is the same as far as an agent had seen the first one', async (t) => {
  const host = await resumed(t, BOOT, 'boot 1 of sb\nwritten while no agent ran, and lost\n');
  const reasons = await ends(
    host,
    `${BOOT}boot 2 of sb, and all that it says: as much as the first one said\n`,
  );
  assert.ok(reasons.some(isUnsure), JSON.stringify(reasons));
});

test('the first writer goes on at the start of a line: all of it is stored, and no gap row tells of a doubt', async (t) => {
  const seen = `${BOOT}boot 1 of sb\n`;
  const away = 'written while no agent ran\n';
  const host = await resumed(t, seen, away);
  const reasons = await ends(host, `${seen}${away}and on\n`);
  assert.ok(!reasons.some(isUnsure), JSON.stringify(reasons));
  assert.ok(host.rowsOf(ID).join('').includes(`${seen}${away}and on\n`));
});

test('… also if that was more than a look compares, and the writer goes on twice', async (t) => {
  const host = await resumed(t, `${BOOT}boot 1 of sb\n`, AWAY, LONG_FORMER);
  writeOver(host, `${BOOT}boot 1 of sb\n${AWAY}and on\n`);
  await host.write(ID, '');
  await host.agent.tick(2_000);
  const reasons = await ends(host, `${BOOT}boot 1 of sb\n${AWAY}and on\nand further\n`);
  assert.ok(!reasons.some(isUnsure), JSON.stringify(reasons));
});
