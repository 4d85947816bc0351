import assert from 'node:assert/strict';
import { appendFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { AgentSite } from '../support/agent_site.ts';
import { rotate } from '../support/rotate.ts';

const traceback = [
  'before\r\n',
  'Traceback (most recent call last):\r\n',
  '  File "/srv/a.py", line 4, in <module>\r\n',
  '    run()\r\n',
  '  File "/srv/a.py", line 9, in run\r\n',
  "    raise KeyError('x')\r\n",
  "KeyError: 'x'\r\n",
  'after\r\n',
];

test('a traceback is one entry, though the console rotates and the agent is killed in the middle of it', async (t) => {
  const site = new AgentSite();
  t.after(() => site.close());
  await site.start();
  site.make('sb');
  writeFileSync(site.path('sb'), '');
  let length = 0;
  for (const [index, line] of traceback.entries()) {
    appendFileSync(site.path('sb'), line);
    length += line.length;
    await site.read('sb', length);
    if (index === 2) rotate(site.path('sb'));
    if (index === 4) {
      await site.kill();
      await site.start();
    }
  }
  const rows = site.spool.poll().rows.filter((row) => row.record === 'line');
  const first = traceback[0]!.length;
  const last = length - traceback.at(-1)!.length;
  assert.deepEqual(
    rows.map(({ entry, severity, source }) => [entry, severity, source]),
    [
      [0, '', 'app'],
      [first, 'ERROR', 'app'],
      [first, '', 'app'],
      [first, '', 'app'],
      [first, '', 'app'],
      [first, '', 'app'],
      [first, 'ERROR', 'app'],
      [last, '', 'app'],
    ],
  );
});
