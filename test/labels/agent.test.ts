import assert from 'node:assert/strict';
import { appendFileSync, writeFileSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import { AgentSite } from '../support/agent_site.ts';
import { TestRuntime } from '../support/runtime.ts';

async function site(t: TestContext, runtime_url?: string): Promise<AgentSite> {
  const made = new AgentSite();
  t.after(() => made.close());
  Object.assign(made.settings, { runtime_url });
  await made.start();
  return made;
}

test('rows have their sandbox’s label as soon as it is known, and after a restart at once', async (t) => {
  const runtime = await TestRuntime.start(t);
  const agent = await site(t, runtime.url);
  agent.make('sb-1');
  writeFileSync(agent.path('sb-1'), 'before\n');
  await agent.read('sb-1', 7);
  // The first row was made before anybody could be asked.
  assert.equal(agent.spool.of('sb-1', 'console').rows[0]!.workspace, '');
  runtime.add('sb-1', 'python', 'acme');
  const lastLabel = () => {
    const { workspace, template } = agent.spool.poll().of('sb-1', 'console').rows.at(-1)!;
    return `${workspace}/${template}`;
  };
  await agent.eventually('a labelled row', () => {
    appendFileSync(agent.path('sb-1'), 'line\n');
    return lastLabel() === 'acme/python';
  });
  await agent.kill();
  // A runtime that has forgotten it, or is away.
  runtime.answer = (_, response) => void response.writeHead(503).end();
  const rows = agent.spool.poll().of('sb-1', 'console').rows.length;
  await agent.start();
  appendFileSync(agent.path('sb-1'), 'after the restart\n');
  await agent.eventually('a row', () => agent.spool.poll().of('sb-1', 'console').rows.length > rows);
  const later = agent.spool.of('sb-1', 'console').rows.slice(rows);
  assert.deepEqual(new Set(later.map(({ template }) => template)), new Set(['python']));
  agent.delete('sb-1');
  await agent.sealed('sb-1');
  assert.equal(lastLabel(), 'acme/python', 'the seal too');
});

test('a label in the sandbox’s folder is on its first line where no runtime is set', async (t) => {
  const agent = await site(t);
  agent.atOnce(() => {
    agent.make('sb-1');
    writeFileSync(agent.path('sb-1', 'sandbox.json'), '{"workspace":"acme","template":"go"}');
    writeFileSync(agent.path('sb-1'), 'first\n');
  });
  await agent.read('sb-1', 6);
  const [first] = agent.spool.of('sb-1', 'console').rows;
  assert.deepEqual([first!.workspace, first!.template], ['acme', 'go']);
});

test('a runtime that is down stops no line, and no file says the label in its place', async (t) => {
  const agent = await site(t, 'http://127.0.0.1:1');
  agent.atOnce(() => {
    agent.make('sb-1');
    writeFileSync(agent.path('sb-1', 'sandbox.json'), '{"workspace":"victim"}');
    writeFileSync(agent.path('sb-1'), 'first\n');
  });
  await agent.read('sb-1', 6);
  assert.equal(agent.spool.of('sb-1', 'console').rows[0]!.workspace, '');
  await agent.eventually('a word about it', () => agent.output.includes('RUNTIME_UNUSABLE'));
});
