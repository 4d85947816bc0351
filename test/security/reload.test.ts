import assert from 'node:assert/strict';
import { appendFileSync, mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { freePort } from '../../src/base/child_process.ts';
import { NOWHERE } from '../support/nowhere.ts';
import { until } from '../support/patience.ts';
import { releasedRole } from '../support/released.ts';
import { askUntil, put, startReleasedServer } from '../support/released_server.ts';
import { sha256 } from '../support/sha256.ts';
import { SpoolRows } from '../support/spool_rows.ts';
import { temporaryDir } from '../support/temporary.ts';

test('a file that is empty, wrong, or missing for a moment opens nothing and closes nothing', async (t) => {
  const dir = await temporaryDir(t);
  // As Kubernetes mounts a secret: the name is a link into a folder that is exchanged.
  const version = (name: string, text: string): void => {
    mkdirSync(join(dir, name));
    writeFileSync(join(dir, name, 'tokens'), text);
    symlinkSync(name, join(dir, 'data.new'));
    renameSync(join(dir, 'data.new'), join(dir, 'data'));
  };
  version('1', sha256('first'));
  const file = join(dir, 'tokens');
  symlinkSync('data/tokens', file);
  const { server, status } = await startReleasedServer(t, {
    AFTERLOG_CLICKHOUSE_URL: `http://${NOWHERE}`,
    AFTERLOG_TOKENS_FILE: file,
  });
  const LET_IN = 503;
  for (const [name, text, said] of [
    ['2', '', /tokens \(AFTERLOG_TOKENS_FILE\) is an empty file/],
    ['3', 'hunter2', /has a value that is not shown/],
    ['4', null, /cannot be read: ENOENT/],
  ] as const) {
    if (text === null) rmSync(join(dir, 'data'));
    else version(name, text);
    await until(
      () => said.test(server.output) || !server.isRunning,
      () => server.output,
    );
    assert.deepEqual([await status('first'), await status('x')], [LET_IN, 401], server.output);
  }
  assert.doesNotMatch(server.output, /hunter2/);
  version('5', sha256('second'));
  assert.equal(await askUntil(LET_IN, () => status('second')), LET_IN);
  assert.equal(await status('first'), 401);
});

test('a withdrawn token is out, whatever else is wrong in the settings or in another file of secrets', async (t) => {
  const dir = await temporaryDir(t);
  const [config, file, other] = ['afterlog.yaml', 'tokens', 'agent_token'].map((name) => join(dir, name)) as [
    string,
    string,
    string,
  ];
  put(config, 'log_level: info\n');
  put(file, sha256('first'));
  put(other, 'the-token-of-all-agents');
  const { server, status } = await startReleasedServer(t, {
    AFTERLOG_CONFIG: config,
    AFTERLOG_CLICKHOUSE_URL: `http://${NOWHERE}`,
    AFTERLOG_TOKENS_FILE: file,
    AFTERLOG_AGENT_TOKEN_FILE: other,
  });
  const LET_IN = 503;
  assert.equal(await status('first'), LET_IN);
  put(config, 'log_level: nonsense\n');
  put(other, 'short');
  put(file, sha256('second'));
  assert.equal(await askUntil(401, () => status('first')), 401, server.output);
  assert.equal(await status('second'), LET_IN);
  await until(
    () => /keeps its old settings.*agent_token/.test(server.output),
    () => server.output,
  );
});

test('an agent hides from SIGHUP on what its settings name now, and goes on', async (t) => {
  const dir = await temporaryDir(t);
  const console_log = join(dir, 'vms', 'sb-1', 'console.log');
  mkdirSync(join(dir, 'vms', 'sb-1'), { recursive: true });
  const config = join(dir, 'afterlog.yaml');
  const port = await freePort();
  const secret = `AK${'IA'}IOSFODNN7EXAMPLE`;
  put(config, 'log_level: info\n');
  appendFileSync(console_log, `before ${secret}\n`);
  const agent = releasedRole(t, ['agent'], {
    AFTERLOG_CONFIG: config,
    AFTERLOG_DATA_DIR: dir,
    AFTERLOG_CLICKHOUSE_URL: `http://${NOWHERE}`,
    AFTERLOG_AGENT_LISTEN: `127.0.0.1:${port}`,
  });
  agent.start();
  const spool = new SpoolRows(join(dir, '.afterlog', 'spool'));
  t.after(() => spool.close());
  const read = async (lines: number): Promise<string[]> => {
    const rows = () => spool.poll().of('sb-1', 'console').rows;
    await until(
      () => rows().length >= lines || !agent.isRunning,
      () => agent.output,
    );
    return rows().map(({ bytes }) => bytes.toString());
  };
  assert.deepEqual(await read(1), [`before ${secret}\n`]);
  put(config, 'log_level: info\nredact: aws\nredact_patterns: ["acct_\\\\d+"]\nkafka: { topic: other }\n');
  agent.signal('SIGHUP');
  await until(
    () => agent.output.includes('were read again') || !agent.isRunning,
    () => agent.output,
  );
  assert.equal(agent.isRunning, true, `the agent ends at SIGHUP: ${agent.output}`);
  assert.match(
    agent.output,
    /"changed":\["redact","redact_patterns"\],"waiting":\["kafka.topic","kafka.group"\]/,
  );
  appendFileSync(console_log, `after ${secret} acct_123\n`);
  const lines = await read(2);
  assert.equal(lines[1], `after ${'*'.repeat(20)} ${'*'.repeat(8)}\n`);
  const metrics = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  assert.match(metrics, /afterlog_agent_redacted_aws 1\n/);

  put(config, 'redact: nonsense\n');
  agent.signal('SIGHUP');
  await until(
    () => /keeps its old settings.*nonsense/.test(agent.output),
    () => agent.output,
  );
  appendFileSync(console_log, `still ${secret}\n`);
  assert.equal((await read(3))[2], `still ${'*'.repeat(20)}\n`);
});

test('an agent that gets another token takes the old one no longer', async (t) => {
  const dir = await temporaryDir(t);
  mkdirSync(join(dir, 'vms'));
  const file = join(dir, 'token');
  writeFileSync(file, 'the-first-token-of-all\n');
  const port = await freePort();
  const agent = releasedRole(t, ['agent'], {
    AFTERLOG_DATA_DIR: dir,
    AFTERLOG_CLICKHOUSE_URL: `http://${NOWHERE}`,
    AFTERLOG_AGENT_LISTEN: `127.0.0.1:${port}`,
    AFTERLOG_AGENT_TOKEN_FILE: file,
  });
  agent.start();
  const status = (token: string) => async (): Promise<number> =>
    await fetch(`http://127.0.0.1:${port}/metrics`, { headers: { Authorization: `Bearer ${token}` } }).then(
      (answer) => answer.text().then(() => answer.status),
      () => 0,
    );
  assert.equal(await askUntil(200, status('the-first-token-of-all')), 200, agent.output);
  put(file, 'the-second-token-of-all\n');
  assert.equal(await askUntil(401, status('the-first-token-of-all')), 401, agent.output);
  assert.equal(await status('the-second-token-of-all')(), 200);
  put(file, '');
  await until(
    () => /keeps its old settings.*AFTERLOG_AGENT_TOKEN/.test(agent.output),
    () => agent.output,
  );
  assert.equal(await status('the-second-token-of-all')(), 200);
  assert.equal(await status('x')(), 401);
});
