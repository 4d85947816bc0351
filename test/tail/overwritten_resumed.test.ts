import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { describe, type TestContext, test } from 'node:test';
import fc from 'fast-check';
import { SimulatedHost } from '../support/simulated_host.ts';

const ID = 'sb';
const BOOT = '[    0.000000] Linux, the same for all\n';
const lines = (count: number, text: string): string =>
  Array.from({ length: count }, (_, index) => `${text} ${index} ${'.'.repeat((index * 7) % 40)}\n`).join('');
const FORMER = `${BOOT}${lines(400, 'former line')}`;
const LONG_FORMER = `${BOOT}${lines(20_000, 'former line')}`;

/** A console that is written over in place, up to `first`; then its agent is killed, and `away` is written. */
async function writtenAway(
  t: TestContext,
  former: string,
  first: string,
  away: string,
): Promise<SimulatedHost> {
  const host = new SimulatedHost(t);
  await host.agent.start();
  await host.write(ID, former);
  await host.agent.tick(2_000);
  await writeOver(host, first);
  await host.agent.tick(3_000);
  await host.agent.kill();
  if (away !== '') writeFileSync(host.path(ID), first + away, { flag: 'r+' });
  await host.agent.start();
  await host.agent.tick(3_000);
  return host;
}

async function writeOver(host: SimulatedHost, text: string): Promise<void> {
  writeFileSync(host.path(ID), text, { flag: 'r+' });
  await host.write(ID, '');
}

/** What the streams hold behind the former content. */
const stored = (host: SimulatedHost): string =>
  host
    .streams(ID)
    .slice(1)
    .map(({ bytes }) => bytes.toString())
    .join('|');

async function afterDeletion(host: SimulatedHost): Promise<string> {
  await host.delete(ID);
  await host.agent.tick(5_000);
  return stored(host);
}

describe('written over in place while no agent ran', () => {
  for (const [kind, former] of Object.entries({ 'a short console': FORMER, 'a long console': LONG_FORMER })) {
    test(`${kind}: what came meanwhile is stored at once`, async (t) => {
      const first = `${BOOT}${lines(20, 'new')}`;
      const away = lines(50, 'while no agent ran');
      const host = await writtenAway(t, former, first, away);
      assert.equal(stored(host), first + away);
      assert.equal(await afterDeletion(host), first + away);
    });

    test(`${kind}: nothing came meanwhile: nothing more is stored`, async (t) => {
      const first = `${BOOT}${lines(20, 'new')}`;
      const host = await writtenAway(t, former, first, '');
      assert.equal(await afterDeletion(host), first);
    });
  }

  test('a second writer starts over afterwards: the content of the first one is a stream of its own', async (t) => {
    const first = `${BOOT}${lines(20, 'first boot')}`;
    const away = lines(33, 'while no agent ran');
    const host = await writtenAway(t, FORMER, first, away);
    const second = `${BOOT}${lines(15, 'second boot')}`;
    await writeOver(host, second);
    await host.agent.tick(3_000);
    assert.equal(await afterDeletion(host), `${first}${away}|${second}`);
  });

  test('the agent is killed twice', async (t) => {
    const first = `${BOOT}${lines(20, 'new')}`;
    const away = lines(50, 'while no agent ran');
    const host = await writtenAway(t, LONG_FORMER, first, away);
    await host.agent.kill();
    const more = lines(70, 'again');
    writeFileSync(host.path(ID), first + away + more, { flag: 'r+' });
    await host.agent.start();
    await host.agent.tick(3_000);
    assert.equal(await afterDeletion(host), first + away + more);
  });

  test('whatever was written, and when: each whole line is stored once, and nothing of the former content', async (t) => {
    const text = (life: string, count: number) =>
      fc.integer({ min: 1, max: count }).map((n) => lines(n, life));
    await fc.assert(
      fc.asyncProperty(
        text('former line of a console', 300),
        text('first', 60),
        text('away', 60),
        text('then', 20),
        async (former, first, away, then) => {
          fc.pre((first + away + then).length < former.length);
          const host = await writtenAway(t, former, first, away);
          await writeOver(host, first + away + then);
          await host.agent.tick(3_000);
          assert.equal(await afterDeletion(host), first + away + then);
          await host.agent.kill();
        },
      ),
      { numRuns: 20 },
    );
  });
});
