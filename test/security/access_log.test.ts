import assert from 'node:assert/strict';
import { request } from 'node:http';
import { test } from 'node:test';
import { NOWHERE } from '../support/nowhere.ts';
import { until } from '../support/patience.ts';
import { startReleasedServer } from '../support/released_server.ts';
import { sha256 } from '../support/sha256.ts';

/** The lines of the access log, as they are and as objects. */
function accessIn(output: string): { text: string; line: Record<string, unknown> }[] {
  return output
    .split('\n')
    .filter((text) => text.includes('"log":"access"'))
    .map((text) => ({ text, line: JSON.parse(text) as Record<string, unknown> }));
}

const store = { AFTERLOG_CLICKHOUSE_URL: `http://${NOWHERE}` };

test('nobody reads or tries to read unseen: each request has a line that says who, what and how much', async (t) => {
  const { server, get } = await startReleasedServer(t, {
    ...store,
    AFTERLOG_TOKENS: `${sha256('key-of-a')}:team-a:read,${sha256('key-of-ops')}`,
  });
  const hostile = `sb-1\u001b[2J\u202e"}\n{"log":"access"\u009b`;
  for (const [path, token] of [
    ['/v1/sandboxes', 'key-of-ops'],
    [`/v1/sandboxes/${encodeURIComponent(hostile)}/logs`, 'key-of-a'],
    ['/v1/search?q=a-secret-that-was-searched&sandbox=sb-2', 'key-of-a'],
    ['/v1/sandboxes/sb-3/logs', 'a-token-that-was-guessed'],
  ] as const) {
    await (await get(path, token)).text();
  }
  // A stopped server has written all lines.
  assert.equal(await server.stop(), 0);
  const lines = accessIn(server.output);
  assert.equal(lines.length, 4, `who read is not in the log: ${server.output}`);
  const seen = lines.map(({ line }) => [line.token, line.workspace, line.route, line.sandbox, line.status]);
  const name = (token: string): string => sha256(token).slice(0, 8);
  assert.deepEqual(seen, [
    [name('key-of-ops'), null, '/v1/sandboxes', null, 503],
    [name('key-of-a'), 'team-a', '/v1/sandboxes/:id/logs', hostile, 503],
    [name('key-of-a'), 'team-a', '/v1/search', 'sb-2', 503],
    [null, null, '/v1/sandboxes/:id/logs', 'sb-3', 401],
  ]);
  for (const { text, line } of lines) {
    // Only printable ASCII: whoever reads the log with `cat` or `tail -f` is not fooled.
    assert.match(text, /^[\x20-\x7e]+$/);
    assert.ok((line.bytes as number) > 20 && typeof line.ms === 'number' && line.peer === '127.0.0.1');
    assert.ok(Math.abs(Date.parse(line.time as string) - Date.now()) < 3_600_000);
  }
  assert.doesNotMatch(server.output, /key-of|a-secret-that|that-was-guessed/);
});

test('nobody hides the sandbox that is read behind another form of its address', async (t) => {
  const { server, port } = await startReleasedServer(t, { ...store, AFTERLOG_TOKENS: sha256('k') });
  const long = 'v'.repeat(150);
  // As it is on the wire: fetch would normalize it.
  const get = (path: string): Promise<void> =>
    new Promise((resolve, reject) => {
      const headers = { Authorization: 'Bearer k' };
      const asked = request({ host: '127.0.0.1', port, path, headers, agent: false }, (answer) => {
        answer.resume().on('end', resolve);
      });
      asked.on('error', reject).end();
    });
  const expected: [string, string, string][] = [
    ['/v1/sandboxes/other/../victim/logs', '/v1/sandboxes/:id/logs', 'victim'],
    ['/v1/%73andboxes/victim/logs', '/v1/sandboxes/:id/logs', 'victim'],
    ['http://h/v1/sandboxes/victim/logs', '/v1/sandboxes/:id/logs', 'victim'],
    ['/v1/search?q=x?&sandbox=victim', '/v1/search', 'victim'],
    [`/v1/sandboxes/${long}/logs`, '/v1/sandboxes/:id/logs', long],
    [`/v1/sandboxes/${long}v/logs`, '/v1/sandboxes/:id/logs', `${long}…`],
  ];
  for (const [path] of expected) await get(path);
  assert.equal(await server.stop(), 0);
  const seen = accessIn(server.output).map(({ line }) => [line.route, line.sandbox]);
  assert.deepEqual(
    seen,
    expected.map(([, route, sandbox]) => [route, sandbox]),
  );
});

test('a token has a name, and probes have none', async (t) => {
  const { server, get } = await startReleasedServer(t, {
    ...store,
    AFTERLOG_TOKENS: `${sha256('k')}:::alice`,
    AFTERLOG_LOG_LEVEL: 'silent',
  });
  await (await get('/readyz', 'k')).text();
  await (await get('/nothing', 'k')).text();
  await until(
    () => accessIn(server.output).length === 1,
    () => server.output,
  );
  const { line } = accessIn(server.output)[0]!;
  assert.deepEqual([line.token, line.route, line.status], ['alice', 'none', 404]);
});

test('without tokens there is no access log unless it is wanted, and with them it can be switched off', async (t) => {
  for (const [environment, lines] of [
    [{}, 0],
    [{ AFTERLOG_ACCESS_LOG: 'true' }, 1],
    [{ AFTERLOG_TOKENS: sha256('k'), AFTERLOG_ACCESS_LOG: 'false' }, 0],
  ] as const) {
    const { server, get } = await startReleasedServer(t, { ...store, ...environment });
    await (await get('/v1/sandboxes', 'k')).text();
    assert.equal(await server.stop(), 0);
    assert.equal(accessIn(server.output).length, lines, JSON.stringify(environment));
  }
});
