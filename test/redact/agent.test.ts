import assert from 'node:assert/strict';
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import { crc32 } from 'node:zlib';
import { AgentSite } from '../support/agent_site.ts';
import { bytesOf } from '../support/streams.ts';

const SECRET = `gh${'p_'}${'a8Kd0Zq3XmP7cR2tYw9LbV5nH4sJ6gF1wxyz'}`;

async function site(t: TestContext, settings: object): Promise<AgentSite> {
  const made = new AgentSite();
  t.after(() => made.close());
  Object.assign(made.settings, settings);
  await made.start();
  return made;
}

test('a secret leaves no agent: not in rows, not in the seal’s CRC-32, over restarts and long lines', async (t) => {
  const agent = await site(t, { redact: ['github', 'private_key'], redact_patterns: ['acct_\\d+'] });
  agent.make('sb-1');
  const path = agent.path('sb-1');
  const key = Array.from({ length: 12 }, (_, n) => `${SECRET.slice(0, 30)}${n}${SECRET.slice(4)}`);
  const pieces = [
    `token ${SECRET} acct_12345\r\n`,
    `-----BEGIN PRIVATE KEY-----\r\n${key.slice(0, 6).join('\r\n')}\r\n`,
    `${key.slice(6).join('\r\n')}\r\n-----END PRIVATE KEY-----\r\n`,
    `${'.'.repeat(65_536 - 20)}${SECRET}${'.'.repeat(70_000)}\nlast`,
  ];
  let written = '';
  for (const piece of pieces) {
    appendFileSync(path, piece);
    written += piece;
    // What is read of it, the agent has in its spool; then it dies within the block, or the line.
    const whole = written.lastIndexOf('\n') + 1;
    await agent.read('sb-1', whole);
    await agent.kill();
    await agent.start();
  }
  agent.delete('sb-1');
  const [stream, ...more] = await agent.sealed('sb-1');
  assert.deepEqual(more, [], 'what was hidden is not taken for a truncation');
  const shown = stream!.bytes.toString('latin1');
  assert.equal(shown.length, written.length);
  assert.ok(!shown.includes(SECRET.slice(4)) && !shown.includes('acct_1'));
  for (const line of key) assert.ok(!shown.includes(line));
  // All else stays, at its place.
  for (let at = 0; at < written.length; at++) {
    if (shown[at] !== '*') assert.equal(shown[at], written[at]);
  }
  assert.ok(shown.includes('-----END PRIVATE KEY-----\r\n') && shown.endsWith('\nlast'));
  const seal = stream!.seal!;
  assert.deepEqual([seal.bytes, seal.crc32, seal.complete], [shown.length, crc32(stream!.bytes), true]);
});

test('without the settings a line is as it was written, and nothing is counted', async (t) => {
  const agent = await site(t, {});
  agent.make('sb-1');
  writeFileSync(agent.path('sb-1'), `token ${SECRET} a@example.com\n`);
  await agent.read('sb-1', readFileSync(agent.path('sb-1')).length);
  assert.equal(bytesOf(agent.streams('sb-1')).toString(), `token ${SECRET} a@example.com\n`);
});
