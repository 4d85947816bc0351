import assert from 'node:assert/strict';
import { appendFileSync, linkSync, mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Spool } from '../../src/spool/spool.ts';
import { AgentSite } from '../support/agent_site.ts';

test('logs that an earlier version read under an id that is a path are ended, and their pins let go', async (t) => {
  const site = new AgentSite();
  t.after(() => site.close());
  await site.start();
  site.make('sb');
  writeFileSync(site.path('sb'), 'honest\n');
  await site.read('sb', 7);
  assert.equal(await site.stop(), 0);

  // As an earlier version left it: a state and a pin of a file outside of the data dir.
  const outside = join(site.dir, 'outside', 'console.log');
  mkdirSync(join(site.dir, 'outside'));
  writeFileSync(outside, 'elsewhere\n');
  const id = 'x/../../../outside';
  const { ino, birthtimeNs } = statSync(outside, { bigint: true });
  const started = String(birthtimeNs);
  const pins = join(site.settings.data_dir, '.afterlog', 'pins');
  linkSync(outside, join(pins, `${encodeURIComponent(id)},console,${started},0,${ino},`));
  linkSync(outside, join(pins, '%E0%A4%A,console,new,0,x-1'));
  const spool = new Spool(join(site.settings.state_dir, 'spool'));
  const file = {
    inode: String(ino),
    born: started,
    number: 0,
    offset: 0,
    skips_hole: false,
    tail_crc32: 0,
    tail_bytes: 0,
  };
  const stream = { started, position: 0, lines: 0, crc32: 0, gaps: 0 };
  spool.append({ [`${id}/console`]: { sandbox: id, log: 'console', sealed: null, stream, file } }, null);
  await spool.durable();
  await spool.close();

  appendFileSync(outside, 'never read\n');
  await site.start();
  const [ended] = await site.sealed(id);
  assert.equal(ended!.bytes.toString(), '');
  assert.equal(ended!.seal!.gaps, 1);
  await site.eventually('no state and no pin of it', () => {
    const states = [...site.spool.poll().states.keys()];
    return (
      states.every((key) => key.startsWith('sb/')) && !site.pins().some((name) => name.startsWith('x%2F'))
    );
  });
  assert.match(
    site.output,
    /ID_INVALID.*The console log of 'x\/\.\.\/\.\.\/\.\.\/outside'.*is not read any more/,
  );
  appendFileSync(site.path('sb'), 'goes on\n');
  await site.read('sb', 15);
  await site.kill();
  await site.start();
  assert.equal(site.streams(id).length, 1);
  assert.ok(readdirSync(join(site.dir, 'outside')).length === 1);
});
