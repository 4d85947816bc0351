import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { type TestContext, test } from 'node:test';
import { agentTokenOf } from '../../../src/base/agent_token.ts';
import { limits } from '../../../src/base/limits.ts';
import { Agents } from '../../../src/serve/agents/agents.ts';
import { collectLog } from '../../support/log.ts';
import { until } from '../../support/patience.ts';

const agent_token = 'the-token-of-all-agents';

/** An address that answers like an agent. @returns its port, and what it was sent as `Authorization` */
async function listener(t: TestContext, status = 200, headers: Record<string, string> = {}) {
  const sent: (string | undefined)[] = [];
  const server = createServer((request, response) => {
    sent.push(request.headers.authorization);
    response.writeHead(status, headers).end('{"logs":[]}');
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  t.after(() => server.close());
  return { port: (server.address() as { port: number }).port, sent };
}

const agents = (agent_url: string | undefined, agent_listen = '127.0.0.1:1'): Agents =>
  new Agents({ host: 'own', agent_listen, agent_url, agent_token });

test('a host that a forged row names does not get the token, and nothing that another agent takes', async (t) => {
  const { port, sent } = await listener(t);
  // The name comes from a row; here it is an address of the attacker.
  await agents(`http://{host}:${port}`).flush('127.0.0.1', 'sb-1');
  assert.deepEqual(sent, [`Bearer ${agentTokenOf(agent_token, '127.0.0.1')}`]);
  assert.notEqual(agentTokenOf(agent_token, '127.0.0.1'), agentTokenOf(agent_token, 'victim'));
});

test('the agent of this host gets its own token, and the address of the operator’s choice the one of all', async (t) => {
  const { port, sent } = await listener(t);
  assert.deepEqual(await agents(undefined, `127.0.0.1:${port}`).flush(null, 'sb-1'), []);
  assert.deepEqual(await agents(`http://127.0.0.1:${port}`).flush('any', 'sb-1'), []);
  assert.deepEqual(sent, [`Bearer ${agentTokenOf(agent_token, 'own')}`, `Bearer ${agent_token}`]);
});

test('the token follows no redirect', async (t) => {
  const elsewhere = await listener(t);
  const { port } = await listener(t, 307, { Location: `http://127.0.0.1:${elsewhere.port}/` });
  assert.equal(await agents(`http://127.0.0.1:${port}`).flush('any', 'sb-1'), null);
  assert.deepEqual(elsewhere.sent, []);
});

test('an agent that refuses the token is named in the log, once', async (t) => {
  const said = collectLog(t);
  const { port } = await listener(t, 401);
  const asking = agents(`http://127.0.0.1:${port}`);
  for (let times = 0; times < 3; times++) assert.equal(await asking.flush('any', 'sb-1'), null);
  const warned = said.filter((line) => line.startsWith('warn'));
  assert.equal(warned.length, 1);
  assert.match(warned[0]!, /AGENT_TOKEN_WRONG.*AFTERLOG_AGENT_TOKEN/);
});

test('whoever answers in the place of an agent streams no endless answer into the server', async (t) => {
  const chunk = Buffer.alloc(64 * 1024, ' ');
  let sent = 0;
  let isClosed = false;
  const server = createServer((_request, response) => {
    response.writeHead(200);
    response.on('close', () => {
      isClosed = true;
    });
    // Bounded here too: a server without a bound would read all of it, and take the end for an answer.
    const more = (): void => {
      while (!isClosed && sent < 64 * limits.read.agent_answer_bytes_max) {
        sent += chunk.length;
        if (!response.write(chunk)) return void response.once('drain', more);
      }
      response.end('{"logs":[]}');
    };
    more();
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  t.after(() => server.close());
  const { port } = server.address() as { port: number };
  assert.equal(await agents(`http://{host}:${port}`).flush('127.0.0.1', 'sb-1'), null);
  await until(() => isClosed);
  assert.ok(sent < 32 * limits.read.agent_answer_bytes_max, `${sent} bytes were read`);
});
