import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { resolve } from 'node:path';
import { test } from 'node:test';
import { shortLogLine } from '../../src/base/log_line.ts';
import { startAfterlog } from '../support/command.ts';

const main = resolve(import.meta.dirname, '../../src/cli/main.ts');

test('a line of our log is shortened, and cannot write to the terminal', () => {
  const line = {
    level: 40,
    time: '2026-06-01T12:04:31.000Z',
    code: 'DISK_FULL',
    path: '/x\u001b[2J',
    msg: 'Lost.',
  };
  assert.equal(shortLogLine(JSON.stringify(line)), '12:04:31 warn Lost. [DISK_FULL] path=/x');
  assert.equal(shortLogLine(JSON.stringify(line), true).slice(9, 23), '\u001b[33mwarn\u001b[0m ');
  assert.equal(shortLogLine('not json\u001b[2J'), 'not json');
});

test('the log is short lines on a terminal', async (t) => {
  const command = `${process.execPath} ${main} server --listen 127.0.0.1:0`;
  const env = { ...process.env, NO_COLOR: '1' };
  // Gives the command a terminal, and passes on what it writes there.
  const child = spawn('script', ['-qefc', command, '/dev/null'], {
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.after(() => child.kill());
  let text = '';
  for await (const chunk of child.stdout) {
    text += chunk;
    if (text.includes('\n')) break;
  }
  assert.match(text, /^\d\d:\d\d:\d\d info The server listens on 127\.0\.0\.1:0\. role=server\r\n/);
});

test('the log is JSON lines elsewhere, and log_level says how many', async () => {
  const server = startAfterlog(['server', '--listen', '127.0.0.1:0', '--log-level', 'info']);
  await server.said(
    /^\{"level":30,"time":"[^"]+","role":"server","msg":"The server listens on 127\.0\.0\.1:0\."\}$/m,
  );
  server.child.kill('SIGTERM');
  assert.equal(await server.exited, 0);
});
