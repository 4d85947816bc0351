import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { test } from 'node:test';
import { afterlog } from '../support/command.ts';

const root = resolve(import.meta.dirname, '../..');

test('help and version end with 0', async () => {
  const { version } = JSON.parse(readFileSync(`${root}/package.json`, 'utf8')) as { version: string };
  const shown = await afterlog(['--version']);
  assert.deepEqual([shown.code, String(shown.stdout)], [0, `${version}\n`]);
  const help = await afterlog(['--help']);
  assert.equal(help.code, 0);
  for (const text of ['up', 'logs', 'sandboxes', 'sql', 'parse', 'Settings:', '--kafka-brokers']) {
    assert.ok(String(help.stdout).includes(text), text);
  }
  const logs = String((await afterlog(['logs', '--help'])).stdout);
  assert.match(logs, /Example:\n {2}afterlog logs /);
  assert.doesNotMatch(logs, /--kafka-brokers/);
});

test('wrong usage ends with 2 and says what is wrong', async () => {
  const cases: [string[], RegExp][] = [
    [['nonsense'], /unknown command 'nonsense'/],
    [['logs'], /missing required argument 'id'/],
    [['logs', 'a', 'b'], /too many arguments/],
    [['logs', 'x', '--nonsense'], /unknown option '--nonsense'/],
    [['logs', 'x', '--tail', '-1'], /--tail/],
    [['logs', 'x', '--tail', 'many'], /A whole number is needed/],
    [['logs', 'x', '--log', 'other'], /console, events, firecracker/],
    [['logs', 'x', '--raw', '--json'], /cannot be used with/],
    [['sandboxes', '--listen', 'nowhere'], /listen \(AFTERLOG_LISTEN\) is "nowhere".*\n.*/],
    [['sandboxes', '--clickhouse-url', 'nowhere'], /AFTERLOG_CLICKHOUSE_URL/],
    [['sql', 'SELECT 1', '--clickhouse-url', 'ftp://a'], /AFTERLOG_CLICKHOUSE_URL\) is "ftp:.*http:\/\//],
    [['agent', '--agent-listen', 'a:65536'], /AFTERLOG_AGENT_LISTEN\) is "a:65536".*host:port.*65535/],
    [['consumer'], /AFTERLOG_KAFKA_BROKERS\) is empty/],
    [['server', '--tokens', 'abc'], /AFTERLOG_TOKENS/],
    [[], /Usage: afterlog/],
  ];
  for (const [args, pattern] of cases) {
    const { code, stderr } = await afterlog(args);
    assert.equal(code, 2, args.join(' '));
    assert.match(stderr, pattern);
    assert.doesNotMatch(stderr, /\n {4}at /, 'no stack trace');
  }
});

test('a log level that there is not ends with 2 and names the variable and what is allowed', async () => {
  const { code, stderr } = await afterlog(['sandboxes'], { AFTERLOG_LOG_LEVEL: 'verbose' });
  assert.equal(code, 2);
  assert.match(stderr, /^Setting AFTERLOG_LOG_LEVEL is "verbose"; allowed: .*debug.*silent\./);
  assert.doesNotMatch(stderr, /\n {4}at /, 'no stack trace');
});

test('settings are taken before and after the command', async () => {
  for (const args of [
    ['--listen', 'nowhere', 'sandboxes'],
    ['sandboxes', '--listen', 'nowhere'],
  ]) {
    assert.match((await afterlog(args)).stderr, /listen \(AFTERLOG_LISTEN\) is "nowhere"/);
  }
});

test('--help loads no client of any server, and nothing for a settings file that there is not', () => {
  const script = `
    import { registerHooks } from 'node:module';
    const loaded = [];
    registerHooks({ load(url, context, next) { loaded.push(url); return next(url, context); } });
    process.on('exit', () => console.error(loaded.join('\\n')));
    process.argv.push('--help');
    await import('./src/cli/main.ts');`;
  const { stderr, status } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
    cwd: root,
    encoding: 'utf8',
  });
  assert.equal(status, 0, stderr);
  assert.match(stderr, /node_modules\/commander\//);
  assert.doesNotMatch(stderr, /node_modules\/(@clickhouse|kafkajs|hono|@hono|prom-client|chokidar|yaml)\//);
});
