import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { AttackedAgent } from '../support/attacked_agent.ts';
import { until } from '../support/patience.ts';
import { runReleased } from '../support/released.ts';

/** From a folder of a sandbox to the folder `outside`. */
const OUT = 'x/../../../outside';

test('a flush of an id that is a path makes the agent read no file outside of the data dir', async (t) => {
  const agent = await AttackedAgent.start(t);
  const ids = [
    OUT,
    '../../outside',
    join(agent.dir, 'outside'),
    `beside/${'../'.repeat(4)}${agent.dir}/outside`,
  ];
  const answers = await Promise.all(ids.map((id) => agent.flush(encodeURIComponent(id))));
  for (const path of ['..', '.', '', '%2e%2e', '..%2f..%2foutside', 'x%00', '%ff%fe', '%', OUT]) {
    answers.push(await agent.flush(path));
  }
  await agent.flush('beside');
  assert.deepEqual(agent.ids(), [], 'ids with rows');
  assert.equal(agent.stolen(), 0, 'rows with the secret');
  assert.ok(answers.every(({ status }) => status >= 400 && status < 500));
});

test('the command does not send such an id to the agent', async (t) => {
  const agent = await AttackedAgent.start(t);
  const { code, stderr } = await runReleased(['flush', OUT], agent.env);
  await agent.flush('beside');
  assert.equal(agent.stolen(), 0, 'rows with the secret');
  assert.notEqual(code, 0);
  assert.match(stderr, /it holds a slash.*ID_INVALID/s);
});

test('no alias of a sandbox is stored, and names that nobody made leave nothing behind', async (t) => {
  const agent = await AttackedAgent.start(t);
  for (let number = 0; number < 300; number++) {
    await agent.flush(encodeURIComponent(`alias-${number}/../beside`));
    await agent.flush(`nobody-${number}`);
  }
  await agent.flush('beside');
  assert.equal(agent.ids().length, 0, 'aliases that are stored');
  const pins = readdirSync(join(agent.env.AFTERLOG_DATA_DIR!, '.afterlog', 'pins'));
  assert.deepEqual(
    pins.filter((name) => !name.startsWith('beside,')),
    [],
  );
});

test('a sandbox that was made a moment ago is flushed, before any event about it', async (t) => {
  const agent = await AttackedAgent.start(t);
  for (let number = 0; number < 20; number++) {
    const id = `new ${number} %2F ü`;
    mkdirSync(join(agent.vms, id));
    writeFileSync(join(agent.vms, id, 'console.log'), 'first\n');
    const { status, body } = await agent.flush(encodeURIComponent(id));
    assert.equal(status, 200, body);
    assert.match(body, /"bytes":6,/);
    await until(() => agent.linesOf(id) === 'first\n');
  }
  assert.ok(existsSync(agent.secret));
});
