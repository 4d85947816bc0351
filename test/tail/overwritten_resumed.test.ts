import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { describe, type TestContext, test } from 'node:test';
import fc from 'fast-check';
import { SimulatedHost } from '../support/simulated_host.ts';

const BOOT = '[    0.000000] Linux, the same for all\n';
const lines = (count: number, text: string): string =>
  Array.from({ length: count }, (_, index) => `${text} ${index} ${'.'.repeat((index * 7) % 40)}\n`).join('');
const FORMER = `${BOOT}${lines(400, 'former line')}`;
const LONG_FORMER = `${BOOT}${lines(20_000, 'former line')}`;

async function begin(t: TestContext): Promise<SimulatedHost> {
  const host = new SimulatedHost(t);
  await host.agent.start();
  return host;
}

/** A console that is written over in place, up to `first`; then its agent is killed, and `away` is written. */
async function writeAway(
  host: SimulatedHost,
  id: string,
  former: string,
  first: string,
  away: string,
): Promise<void> {
  await host.write(id, former);
  await host.agent.tick(2_000);
  await writeOver(host, id, first);
  await host.agent.kill();
  if (away !== '') writeFileSync(host.path(id), first + away, { flag: 'r+' });
  await host.agent.start();
  await host.agent.tick(3_000);
}

async function writeOver(host: SimulatedHost, id: string, text: string): Promise<void> {
  writeFileSync(host.path(id), text, { flag: 'r+' });
  await host.write(id, '');
  await host.agent.tick(3_000);
}

/** What the streams hold behind the former content. */
const stored = (host: SimulatedHost, id: string): string =>
  host
    .streams(id)
    .slice(1)
    .map(({ bytes }) => bytes.toString())
    .join('|');

async function afterDeletion(host: SimulatedHost, id: string): Promise<string> {
  await host.delete(id);
  await host.agent.tick(5_000);
  return stored(host, id);
}

describe('written over in place while no agent ran', () => {
  for (const [kind, former] of Object.entries({ 'a short console': FORMER, 'a long console': LONG_FORMER })) {
    test(`${kind}: what came meanwhile is stored at once`, async (t) => {
      const first = `${BOOT}${lines(20, 'new')}`;
      const away = lines(50, 'while no agent ran');
      const host = await begin(t);
      await writeAway(host, 'sb', former, first, away);
      assert.equal(stored(host, 'sb'), first + away);
      assert.equal(await afterDeletion(host, 'sb'), first + away);
    });

    test(`${kind}: nothing came meanwhile: nothing more is stored`, async (t) => {
      const first = `${BOOT}${lines(20, 'new')}`;
      const host = await begin(t);
      await writeAway(host, 'sb', former, first, '');
      assert.equal(await afterDeletion(host, 'sb'), first);
    });
  }

  test('a second writer starts over afterwards: the content of the first one is a stream of its own', async (t) => {
    const first = `${BOOT}${lines(20, 'first boot')}`;
    const away = lines(33, 'while no agent ran');
    const host = await begin(t);
    await writeAway(host, 'sb', FORMER, first, away);
    const second = `${BOOT}${lines(15, 'second boot')}`;
    await writeOver(host, 'sb', second);
    assert.equal(await afterDeletion(host, 'sb'), `${first}${away}|${second}`);
  });

  test('the agent is killed twice', async (t) => {
    const first = `${BOOT}${lines(20, 'new')}`;
    const away = lines(50, 'while no agent ran');
    const host = await begin(t);
    await writeAway(host, 'sb', LONG_FORMER, first, away);
    await host.agent.kill();
    const more = lines(70, 'again');
    writeFileSync(host.path('sb'), first + away + more, { flag: 'r+' });
    await host.agent.start();
    await host.agent.tick(3_000);
    assert.equal(await afterDeletion(host, 'sb'), first + away + more);
  });

  test('whatever was written, and when: it is stored once, and nothing of the former content', async (t) => {
    const text = (life: string, count: number) =>
      fc.integer({ min: 1, max: count }).map((n) => lines(n, life));
    const host = await begin(t);
    let runs = 0;
    await fc.assert(
      fc.asyncProperty(
        text('former line of a console', 300),
        text('first', 60),
        text('away', 60),
        text('then', 20),
        async (former, first, away, then) => {
          const whole = first + away + then;
          fc.pre(whole.length < former.length);
          const id = `sb-${runs++}`;
          await writeAway(host, id, former, first, away);
          await writeOver(host, id, whole);
          const found = await afterDeletion(host, id);
          // If the former content has the same bytes at the end of the last line, nothing shows that it was written.
          const known = whole.slice(0, whole.lastIndexOf('then'));
          assert.ok(
            whole.startsWith(found) && found.startsWith(known),
            `${found.slice(-200)}\nof ${whole.length}`,
          );
        },
      ),
      { numRuns: 50 },
    );
  });
});
