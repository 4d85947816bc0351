import assert from 'node:assert/strict';
import { chownSync, existsSync, mkdirSync, renameSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { AttackedAgent, SECRET } from '../support/attacked_agent.ts';
import { asNobody, canBeOthers, NOBODY } from '../support/attacker.ts';
import { until } from '../support/patience.ts';

/** Of each attack, at most. It ends early once it has succeeded. */
const SWAPS = 8_000;
const SWAPS_A_ROUND = 1_000;

/** Swaps an honest file for a link to the secret, and for another honest file; there is one of them at any moment. */
const swapFile = `
  const { renameSync, symlinkSync, writeFileSync } = require('node:fs');
  const [folder, secret, swaps] = process.argv.slice(1);
  process.chdir(folder);
  for (let swap = 0; swap < swaps; swap++) {
    symlinkSync(secret, '.next');
    renameSync('.next', 'console.log');
    writeFileSync('.next', 'honest\\n');
    renameSync('.next', 'console.log');
  }`;

/** Swaps a folder for a link to the folder of the secret and back, and draws the agent's attention to it. */
const swapFolder = `
  const { renameSync, symlinkSync, unlinkSync, writeFileSync } = require('node:fs');
  const [folder, outside, poked, swaps] = process.argv.slice(1);
  for (let swap = 0; swap < swaps; swap++) {
    writeFileSync(poked, '');
    renameSync(folder, folder + '.kept');
    symlinkSync(outside, folder);
    unlinkSync(folder);
    renameSync(folder + '.kept', folder);
    unlinkSync(poked);
  }`;

/** A folder in which `nobody` may do everything. */
function makeOwn(path: string): string {
  mkdirSync(path, { recursive: true });
  chownSync(path, NOBODY, NOBODY);
  return path;
}

function writeOwn(path: string, content: string): void {
  writeFileSync(path, content, { mode: 0o644 });
  chownSync(path, NOBODY, NOBODY);
}

/** Runs an attack again and again, until it has succeeded or all swaps are done. */
async function attack(agent: AttackedAgent, program: string, args: string[]): Promise<void> {
  for (let left = SWAPS; left > 0 && agent.stolen() === 0; left -= SWAPS_A_ROUND) {
    const { code, stderr } = await asNobody(process.execPath, [
      '-e',
      program,
      ...args,
      String(SWAPS_A_ROUND),
    ]);
    assert.equal(code, 0, stderr);
    await agent.flush('beside');
  }
}

async function goesOn(agent: AttackedAgent, id: string, path: string): Promise<void> {
  writeOwn(join(path, '.after'), 'honest after\n');
  renameSync(join(path, '.after'), join(path, 'console.log'));
  await until(
    () => agent.linesOf(id).includes('honest after\n'),
    () => `honest lines, of: ${agent.output.slice(-2_000)}`,
  );
  assert.equal(agent.stolen(), 0, 'rows with the secret');
}

function needsMemory(t: TestContext): boolean {
  if (existsSync('/dev/shm')) return canBeOthers(t);
  t.skip('not run: there is no second file system to write to');
  return false;
}

test('a console that is swapped for a link to a file of root, where hard links are impossible, gives no byte of it', async (t) => {
  if (!needsMemory(t)) return;
  const agent = await AttackedAgent.start(t, { noLinks: true });
  const folder = makeOwn(join(agent.vms, 'swapped'));
  await attack(agent, swapFile, [folder, agent.secret]);
  assert.equal(agent.stolen(), 0, 'rows with the secret');
  await goesOn(agent, 'swapped', folder);
});

for (const [how, noLinks] of [
  ['hard-linked', false],
  ['held open', true],
] as const) {
  test(`a sandbox’s folder that is swapped for a link gives no byte of the folder behind it, ${how}`, async (t) => {
    if (!needsMemory(t)) return;
    const agent = await AttackedAgent.start(t, { noLinks });
    chownSync(agent.vms, NOBODY, NOBODY);
    const folder = makeOwn(join(agent.vms, 'swapped'));
    writeOwn(join(folder, 'console.log'), 'honest\n');
    await attack(agent, swapFolder, [folder, join(agent.dir, 'outside'), join(folder, '.poked')]);
    assert.equal(agent.stolen(), 0, 'rows with the secret');
    await goesOn(agent, 'swapped', folder);
  });
}

test('nor does a folder inside that of the sandbox', async (t) => {
  if (!canBeOthers(t)) return;
  const agent = await AttackedAgent.start(t, { layout: 'vms/{sandbox}/sub/logs/{log}' });
  const sandbox = makeOwn(join(agent.vms, 'swapped'));
  const folder = makeOwn(join(sandbox, 'sub'));
  const logs = makeOwn(join(folder, 'logs'));
  writeOwn(join(logs, 'console.log'), 'honest\n');
  const outside = join(agent.dir, 'outside');
  mkdirSync(join(outside, 'logs'));
  writeFileSync(join(outside, 'logs', 'console.log'), `${SECRET}\n`, { mode: 0o600 });
  await attack(agent, swapFolder, [folder, outside, join(logs, '.poked')]);
  assert.equal(agent.stolen(), 0, 'rows with the secret');
  await goesOn(agent, 'swapped', logs);
});

test('links that stay are not followed: of a sandbox’s folder, its console, its label', async (t) => {
  if (!canBeOthers(t)) return;
  const agent = await AttackedAgent.start(t);
  chownSync(agent.vms, NOBODY, NOBODY);
  const linked = makeOwn(join(agent.vms, 'linked'));
  const make = `
    const { symlinkSync } = require('node:fs');
    const [vms, outside] = process.argv.slice(1);
    symlinkSync(outside, vms + '/evil');
    symlinkSync(outside + '/console.log', vms + '/linked/console.log');
    symlinkSync(outside + '/console.log', vms + '/linked/sandbox.json');`;
  const { code, stderr } = await asNobody(process.execPath, [
    '-e',
    make,
    agent.vms,
    join(agent.dir, 'outside'),
  ]);
  assert.equal(code, 0, stderr);
  for (const id of ['evil', 'linked', 'beside']) await agent.flush(id);
  assert.equal(agent.stolen(), 0, 'rows with the secret');
  await until(() => /vms\/evil is a symbolic link: it is left alone/.test(agent.output));
  unlinkSync(join(linked, 'console.log'));
  await goesOn(agent, 'linked', linked);
});
