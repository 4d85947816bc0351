import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { linkSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { loadSettings } from '../../src/config/settings.ts';
import { logrotateFindings } from '../../src/doctor/logrotate.ts';
import { survey } from '../../src/doctor/survey.ts';
import { hasLogrotate, LOGROTATE } from '../support/logrotate.ts';
import { temporaryDir } from '../support/temporary.ts';

test('blocks of logrotate that would skip pinned logs are found, as logrotate itself skips them', async (t) => {
  if (!hasLogrotate(t)) return;
  const dir = await temporaryDir(t);
  const data = join(dir, 'data');
  const [sandbox, parts, main] = [
    join(data, 'vms', 'sb'),
    join(dir, 'logrotate.d'),
    join(dir, 'logrotate.conf'),
  ];
  for (const folder of [sandbox, parts]) mkdirSync(folder, { recursive: true });
  writeFileSync(join(sandbox, 'console.log'), 'a line\n');
  linkSync(join(sandbox, 'console.log'), join(data, 'pin'));
  writeFileSync(main, `# all\nrotate 3\ninclude ${parts}\n`);
  const settings = loadSettings({ dataDir: data, stateDir: join(dir, 'state') }, {});
  const found = await survey(settings);
  const messages = async (block: string): Promise<string[]> => {
    writeFileSync(join(parts, 'consoles'), block);
    return (await logrotateFindings(settings, found, main)).map(({ message }) => message);
  };
  const pattern = `${data}/vms/*/*.log`;
  const body = '  size 1\n  missingok\n  su root root\n  postrotate\n    echo }\n  endscript\n';
  const rotate = (): string[] => {
    execFileSync(LOGROTATE, ['-s', join(dir, 'status'), main], { stdio: 'pipe' });
    return readdirSync(sandbox).sort();
  };

  const [message, ...more] = await messages(`"${pattern}" /var/log/no-such-*.log\n{\n${body}}\n`);
  assert.match(message!, /consoles rotates .*\/vms\/\*\/\*\.log .*never rotated/);
  assert.deepEqual(more, []);
  assert.deepEqual(rotate(), ['console.log'], 'logrotate skips it, and ends with 0');

  assert.deepEqual(await messages(`${pattern} {\n${body}  allowhardlink\n}\n`), []);
  assert.deepEqual(rotate(), ['console.log.1'], 'with allowhardlink it does not');
  assert.deepEqual(await messages(`/var/log/*.log {\n${body}}\n`), []);
  assert.deepEqual(await messages(`allowhardlink\n${pattern} {\n${body}}\n`), []);
  assert.equal((await messages(`allowhardlink\n${pattern} {\n${body}  noallowhardlink\n}\n`)).length, 1);
  assert.deepEqual(await logrotateFindings(settings, found, join(dir, 'nothing')), []);
});
