import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { test } from 'node:test';
import type { Command } from 'commander';
import { createProgram } from '../../src/cli/program.ts';
import { afterlog } from '../support/command.ts';

const root = resolve(import.meta.dirname, '../..');

test('help and version end with 0', async () => {
  const { version } = JSON.parse(readFileSync(`${root}/package.json`, 'utf8')) as { version: string };
  const shown = await afterlog(['--version']);
  assert.deepEqual([shown.code, String(shown.stdout)], [0, `${version}\n`]);
  const help = await afterlog(['--help']);
  assert.equal(help.code, 0);
  for (const text of [
    'up',
    'logs',
    'sandboxes',
    'sql',
    'parse',
    'Read logs:',
    'Settings',
    '--kafka-brokers',
  ]) {
    assert.ok(String(help.stdout).includes(text), text);
  }
  const logs = String((await afterlog(['logs', '--help'])).stdout);
  assert.match(logs, /Examples?:\n {2}afterlog logs /);
  assert.doesNotMatch(logs, /--kafka-brokers/);
});

/** What `--help` prints where there is no terminal. In this process: there are dozens of commands. */
function helpOf(command: Command): string {
  let help = '';
  command.configureOutput({
    writeOut: (text) => {
      help += text;
    },
    getOutHelpWidth: () => 80,
  });
  command.outputHelp();
  return help;
}

const pathOf = (command: Command): string =>
  command.parent === null ? command.name() : `${pathOf(command.parent)} ${command.name()}`;

const allOf = (command: Command): Command[] => [command, ...command.commands.flatMap(allOf)];

test('the help of every command has examples of it, fits a terminal and leaves the settings to the main help', () => {
  const commands = allOf(createProgram('0.0.0'));
  assert.ok(commands.length > 9);
  for (const command of commands) {
    const path = pathOf(command);
    const help = helpOf(command);
    for (const line of help.split('\n')) assert.ok(line.length <= 80, `${path}: ${line}`);
    if (path === 'afterlog') continue;
    assert.doesNotMatch(help, /--kafka-brokers <value>/, path);
    const examples = help.split(/\nExamples?:\n/)[1]?.split('\n\n')[0] ?? '';
    const own = examples.split('\n').filter((line) => `${line} `.includes(`${path} `));
    assert.ok(own.length > 0 || command.commands.length > 0, `${path} has no example`);
  }
});

test('wrong usage ends with 2 and says what is wrong', async () => {
  const cases: [string[], RegExp][] = [
    [['nonsense'], /unknown command 'nonsense'/],
    [['log', 'x'], /unknown command 'log'\n\(Did you mean logs\?\)/],
    [['logs'], /missing required argument 'id'\n\(See afterlog logs --help\.\)/],
    [['logs', 'x', '--folow'], /Did you mean --follow\?/],
    [['logs', 'x', '--since', 'yesterday'], /--since .*'yesterday'.*Allowed: .*RFC 3339/],
    [['logs', 'x', '--until', '15'], /Allowed: .*15m/],
    [['logs', 'x', '--since', '1h', '--until', '2h'], /--until .*later than --since/],
    [['logs', 'x', '--severity', 'bad'], /TRACE, DEBUG, INFO, WARN, ERROR, FATAL/],
    [['logs', 'x', '--source', 'a,,b'], /--source/],
    [['logs', 'x', '--color', 'yes'], /auto, always, never/],
    [['logs', 'x', '--follow', '--until', '1h'], /cannot be used with/],
    [['logs', 'a', 'b'], /too many arguments/],
    [['logs', 'x', '--nonsense'], /unknown option '--nonsense'/],
    [['logs', 'x', '--tail', '-1'], /--tail/],
    [['logs', 'x', '--tail', 'many'], /A whole number is required/],
    [['logs', 'x', '--log', 'other'], /console, events, firecracker/],
    [['logs', 'x', '--raw', '--json'], /cannot be used with/],
    [['boots', '--since', '1h', '--until', '2h'], /--until .*later than --since/],
    [['crashes', '--limit', 'x'], /A whole number is required/],
    [['verify', '--since', 'yesterday'], /Allowed: a time as it is printed/],
    [['sandboxes', '--listen', 'nowhere'], /listen \(--listen\) is "nowhere"; allowed: host:port/],
    [['sandboxes', '--clickhouse-url', 'nowhere'], /clickhouse\.url \(--clickhouse-url\)/],
    [['sql', 'SELECT 1', '--clickhouse-url', 'ftp://a'], /--clickhouse-url\) is "ftp:.*http:\/\//],
    [['agent', '--agent-listen', 'a:65536'], /--agent-listen\) is "a:65536".*host:port.*65535/],
    [['consumer'], /AFTERLOG_KAFKA_BROKERS\) is empty/],
    [['server', '--tokens', 'abc'], /tokens \(--tokens\) has a value that is not shown; allowed: the 64 hex/],
    [
      ['sandboxes', '--kafka-topc', 'x'],
      /unknown option '--kafka-topc'\n.*\n\(Did you mean --kafka-topic\?\)/,
    ],
    [['logs', 'x', '--brokers=a:1'], /Did you mean --kafka-brokers\?/],
    [['config', '--json', '--schema'], /cannot be used with/],
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
  assert.match(stderr, /^Setting log_level \(AFTERLOG_LOG_LEVEL\) is "verbose"; allowed: .*debug.*silent\./);
  assert.doesNotMatch(stderr, /\n {4}at /, 'no stack trace');
});

test('settings are taken before and after the command', async () => {
  for (const args of [
    ['--listen', 'nowhere', 'sandboxes'],
    ['sandboxes', '--listen', 'nowhere'],
  ]) {
    assert.match((await afterlog(args)).stderr, /listen \(--listen\) is "nowhere"/);
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
