import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { AttackedAgent } from '../support/attacked_agent.ts';
import { asNobody, canBeOthers } from '../support/attacker.ts';

const FOLDERS = 100_000;

const make = `
  const { mkdirSync } = require('node:fs');
  for (let number = 0; number < ${FOLDERS}; number++) mkdirSync(process.argv[1] + '/tiny-' + number);`;
const remove = `
  const { rmdirSync } = require('node:fs');
  for (let number = 0; number < ${FOLDERS}; number++) rmdirSync(process.argv[1] + '/tiny-' + number);`;

/** Makes an honest sandbox. @returns whether its line is read; it waits as long as the agent still looks around */
async function isRead(agent: AttackedAgent, id: string): Promise<boolean> {
  mkdirSync(join(agent.vms, id));
  writeFileSync(join(agent.vms, id, 'console.log'), 'honest\n');
  for (let tries = 0; tries < 20; tries++) {
    // A starved agent may never answer.
    await Promise.race([agent.flush(id).catch(() => null), sleep(2_000)]);
    if (agent.linesOf(id) === 'honest\n') return true;
    await sleep(500);
  }
  return false;
}

test('100,000 tiny folders of one user take no places from the sandboxes of others, and free theirs', async (t) => {
  if (!existsSync('/dev/shm')) return t.skip('not run: 100,000 folders need a file system in memory');
  if (!canBeOthers(t)) return;
  const agent = await AttackedAgent.start(t, { inMemory: true });
  chmodSync(agent.vms, 0o777);
  const made = await asNobody(process.execPath, ['-e', make, agent.vms]);
  assert.equal(made.code, 0, made.stderr);
  for (let tries = 0; tries < 80 && !/holds more than 50000/.test(agent.output); tries++) await sleep(500);
  for (let number = 0; number < 10; number++) {
    assert.ok(await isRead(agent, `honest-${number}`), `the honest sandbox ${number} is read`);
  }
  const removed = await asNobody(process.execPath, ['-e', remove, agent.vms]);
  assert.equal(removed.code, 0, removed.stderr);
  assert.ok(await isRead(agent, 'later'), 'a sandbox of later is read');
});
