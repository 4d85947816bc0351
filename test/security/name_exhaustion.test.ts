import assert from 'node:assert/strict';
import { appendFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { releasedAgent } from '../support/released_agent.ts';
import type { SpoolRow } from '../support/spool_rows.ts';

/** An agent whose ClickHouse is away, so that its rows stay in the spool, and a sandbox of another tenant. */
async function hostOf(t: TestContext) {
  const { agent, vms, path, lines, ...host } = await releasedAgent(t);
  agent.start();
  /** Writes a console and waits until it is read. */
  const write = async (sandbox: string, text: string[]): Promise<SpoolRow[]> => {
    host.write(sandbox, `${text.join('\n')}\n`);
    return await host.read(sandbox, text.length);
  };
  const append = async (sandbox: string, text: string): Promise<SpoolRow> => {
    const count = lines(sandbox).length;
    appendFileSync(path(sandbox), `${text}\n`);
    return (await host.read(sandbox, count + 1))[count]!;
  };
  return { vms, write, append };
}

/** A different word of letters for each number: digits would be replaced in titles. */
const word = (n: number): string =>
  [...n.toString(26)].map((digit) => String.fromCharCode(97 + Number.parseInt(digit, 26))).join('');

test('a sandbox that invents crash titles for ever leaves the titles of others alone', async (t) => {
  const { write, append } = await hostOf(t);
  await write('victim', ['booted']);
  const invented = Array.from({ length: 20_000 }, (_, n) => `KeyError: 'the ${word(n)} key'`);
  await write('attacker', invented);
  const row = await append('victim', "KeyError: 'a key of its own'");
  assert.equal(row.title, "KeyError: 'a key of its own'");
});

test('sandboxes that invent sources, also ones that are gone, leave the sources of others alone', async (t) => {
  const { vms, write, append } = await hostOf(t);
  const line = (name: string): string => `2026-06-01T15:30:18Z [${name}] text`;
  await write('victim', ['booted']);
  // One with more than all may have, and many with what each may have.
  const invented = Array.from({ length: 3_000 }, (_, n) => line(`one${word(n)}`));
  await write('attacker', invented);
  for (let made = 0; made < 20; made++) {
    const names = Array.from({ length: 64 }, (_, n) => line(`${word(made)}q${word(n)}`));
    await write(`attacker-${made}`, names);
    rmSync(join(vms, `attacker-${made}`), { recursive: true });
  }
  const { source } = await append('victim', line('billing'));
  assert.equal(source, 'billing');
});
