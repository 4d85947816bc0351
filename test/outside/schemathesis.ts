/** Random requests of schemathesis, by the OpenAPI document: `npm run test:outside -- schemathesis`. It needs Python 3 with venv. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { startApi } from '../support/api.ts';
import { makeVenv } from '../support/python.ts';
import { gapRow, insertRows, rowsOfFile, sealRow } from '../support/rows.ts';
import { temporaryDir } from '../support/temporary.ts';

test('no request by the OpenAPI document, or beside it, is answered with a fault of the server', async (t) => {
  const venv = await makeVenv(t, 'schemathesis');
  const api = await startApi(t);
  await insertRows(api.client, api.database, [
    ...rowsOfFile('s', Buffer.from('needle\n'.repeat(500)), { event: 'boot.start', title: 'Linux' }),
    { sandbox_id: 's', position: 3500, message: 'panic', event: 'kernel.panic', title: 'panic' },
    gapRow('s', 3506, null, 'lost'),
    // It has ended, and so has whoever follows it.
    sealRow('s', 3506, 'deleted'),
  ]);
  const env = {
    ...process.env,
    SCHEMATHESIS_HOOKS: join(import.meta.dirname, 'schemathesis_hooks.py'),
    PYTHONUTF8: '1',
  };
  const address = `${api.address}/openapi.json`;
  const limits = ['--max-examples', '60', '--request-timeout', '120'];
  const args = ['run', address, '--checks', 'not_a_server_error', '--no-color', ...limits];
  const run = promisify(execFile)(join(venv, 'bin/schemathesis'), args, {
    cwd: await temporaryDir(t),
    env,
    maxBuffer: 2 ** 26,
  });
  const { stdout } = await run.catch((failed: { stdout: string; stderr: string }) => {
    throw new Error(`${failed.stdout.slice(-6_000)}${failed.stderr}`);
  });
  console.log(stdout.slice(stdout.indexOf('= SUMMARY')));
  const metrics = await (await fetch(`${api.address}/metrics`)).text();
  const answered = metrics.split('\n').filter((line) => line.startsWith('afterlog_http_requests_total'));
  console.log(answered.join('\n'));
  for (const status of [200, 400, 408, 410]) {
    const isTold = (line: string): boolean => /\/wait"/.test(line) && line.includes(`status="${status}"`);
    assert.ok(answered.some(isTold), `wait was never answered with ${status}`);
  }
});
