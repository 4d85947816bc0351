import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  chownSync,
  linkSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { AgentSite } from '../support/agent_site.ts';
import { until } from '../support/patience.ts';

/** `nobody`: may read what all may read. */
const OTHER_USER = 65_534;

/** User and system time that a process has used so far, in clock ticks of 10 ms. */
function ticksOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ');
  return Number(fields[11]) + Number(fields[12]);
}

describe('what is not a regular file is left alone and said once, and others go on', {
  concurrency: true,
}, () => {
  const site = new AgentSite();
  before(() => site.start());
  after(() => site.close());

  const kinds: Record<string, (path: string) => void> = {
    'a symlink': (path) => symlinkSync(join(site.dir, 'secret'), path),
    'a dangling symlink': (path) => symlinkSync('/nowhere', path),
    'a FIFO': (path) => execFileSync('mkfifo', [path]),
    'a folder': (path) => mkdirSync(path),
  };
  for (const [what, make] of Object.entries(kinds)) {
    test(what, async () => {
      const id = what.replaceAll(' ', '-');
      writeFileSync(join(site.dir, 'secret'), 'not a log\n');
      site.make(id);
      make(site.path(id));
      writeFileSync(site.path(id, 'events.jsonl'), '{"a":1}\n');
      site.make(`beside-${id}`);
      writeFileSync(site.path(`beside-${id}`), 'goes on\n');
      await site.read(id, 8, 'events');
      await site.read(`beside-${id}`, 8);
      site.delete(id);
      site.delete(`beside-${id}`);
      await site.sealed(id, 1, 'events');
      assert.deepEqual(site.streams(id), []);
      await site.eventually('a message', () => site.output.includes(`${site.path(id)} is a`));
      const said = site.output.split('\n').filter((text) => text.includes(`${site.path(id)} is a`));
      assert.equal(said.length, 1, site.output);
      assert.match(
        said[0]!,
        /(is a symbolic link|is a FIFO|is a folder): it is left alone\. Let the runtime/,
      );
    });
  }

  test('a file where a sandbox should be, odd names, names of other files', async () => {
    writeFileSync(join(site.vms, 'README'), 'not a sandbox');
    const ids = ['with space', 'per%cent,comma', 'ünïcode', 'a'.repeat(150), '-', '__proto__', 'constructor'];
    for (const id of ids) {
      site.make(id);
      writeFileSync(site.path(id), `${id}\n`);
      writeFileSync(site.path(id, 'console.log.bak'), 'no');
      writeFileSync(site.path(id, 'console.log.01'), 'no');
      writeFileSync(site.path(id, 'rootfs.ext4'), 'no');
    }
    for (const id of ids) {
      await site.read(id, id.length);
      site.delete(id);
      assert.equal((await site.sealed(id))[0]!.bytes.toString(), `${id}\n`);
    }
  });

  test('an id that is too long for a pin is said, not read in part', async () => {
    const id = 'b'.repeat(200);
    site.make(id);
    writeFileSync(site.path(id), 'x\n');
    await site.eventually(
      'a message',
      () => site.output.includes(id) && site.output.includes('it has 200 bytes, over 150'),
    );
    assert.match(site.output, /ID_INVALID/);
    assert.doesNotMatch(site.output, /CAP_DAC_READ_SEARCH/);
    assert.deepEqual(site.streams(id), []);
  });

  test('a hard link to the live file in the chain is read once, and does not keep the agent busy', async () => {
    site.make('.linked');
    writeFileSync(site.path('.linked'), 'one\n');
    linkSync(site.path('.linked'), `${site.path('.linked')}.1`);
    renameSync(site.folder('.linked'), site.folder('linked'));
    await site.read('linked', 4);
    await site.flush('linked');
    // A loop that never rests takes 100 ticks a second, each second; what other logs take is over soon.
    await until(async () => {
      const [ticks, since_ms] = [ticksOf(site.pid), performance.now()];
      await sleep(1_000);
      const passed_s = (performance.now() - since_ms) / 1_000;
      return ticksOf(site.pid) - ticks < 80 * passed_s;
    }, 'an agent that rests');
    unlinkSync(`${site.path('linked')}.1`);
    appendFileSync(site.path('linked'), 'two\n');
    await site.read('linked', 8);
    site.delete('linked');
    assert.equal((await site.sealed('linked'))[0]!.bytes.toString(), 'one\ntwo\n');
  });
});

test('a log that this user may not read is said once; others, also of the same sandbox, go on; then it is read', async (t) => {
  const site = new AgentSite();
  t.after(() => site.close());
  chownSync(site.dir, OTHER_USER, OTHER_USER);
  chownSync(site.settings.data_dir, OTHER_USER, OTHER_USER);
  await site.start(OTHER_USER);
  site.make('sb');
  writeFileSync(site.path('sb'), 'secret\n', { mode: 0o600 });
  writeFileSync(site.path('sb', 'events.jsonl'), '{"open":1}\n', { mode: 0o644 });
  site.make('other');
  writeFileSync(site.path('other'), 'open\n', { mode: 0o644 });
  await site.read('other', 5);
  await site.read('sb', 11, 'events');
  const complaints = (): string[] =>
    site.output.split('\n').filter((line) => /EACCES|permission/i.test(line));
  await site.eventually('a complaint', () => complaints().length > 0);
  await sleep(3_000);
  const said = complaints();
  assert.ok(said.length <= 2, `said ${said.length} times in 3 s`);
  assert.match(said[0]!, /CAP_DAC_READ_SEARCH/);
  chmodSync(site.path('sb'), 0o644);
  await site.read('sb', 7);
});

test('a sandbox’s folder that this user may not read is said with its cause; once it may, it is read', async (t) => {
  const site = new AgentSite();
  t.after(() => site.close());
  chownSync(site.dir, OTHER_USER, OTHER_USER);
  chownSync(site.settings.data_dir, OTHER_USER, OTHER_USER);
  await site.start(OTHER_USER);
  mkdirSync(site.folder('sb'), { mode: 0o700 });
  writeFileSync(site.path('sb'), 'open at last\n', { mode: 0o644 });
  await site.eventually('a message', () =>
    /sb cannot be read: EACCES.*CAP_DAC_READ_SEARCH/.test(site.output),
  );
  assert.doesNotMatch(site.output, /max_user_watches|polling/);
  chmodSync(site.folder('sb'), 0o755);
  await site.read('sb', 13);
});

test('a missing folder of sandboxes is waited for, and so is one that goes and comes back', async (t) => {
  const site = new AgentSite({ vms: false });
  t.after(() => site.close());
  await site.start();
  assert.match(site.output, /Waiting for .*vms/);
  for (const round of [1, 2]) {
    mkdirSync(site.vms);
    site.make(`sb-${round}`);
    writeFileSync(site.path(`sb-${round}`), 'here\n');
    await site.read(`sb-${round}`, 5);
    execFileSync('rm', ['-r', site.vms]);
    assert.equal((await site.sealed(`sb-${round}`))[0]!.bytes.toString(), 'here\n');
  }
  await site.empty();
});

test('a data dir that does not exist is named', async (t) => {
  const site = new AgentSite();
  t.after(() => site.close());
  execFileSync('rm', ['-r', site.settings.data_dir]);
  await assert.rejects(site.start(), /does not exist.*DATA_DIR_MISSING/s);
});

test('logs on another file system than the pins are read once, also across a kill of the agent', async (t) => {
  const site = new AgentSite();
  const vms = join(site.settings.data_dir, 'vms');
  mkdirSync(vms, { recursive: true });
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', vms]);
  t.after(async () => {
    execFileSync('umount', ['-l', vms]);
    await site.close();
  });
  await site.start();
  site.make('sb');
  writeFileSync(site.path('sb'), 'one\ntwo\n');
  await site.read('sb', 8);
  await site.kill();
  appendFileSync(site.path('sb'), 'three\n');
  await site.start();
  await site.read('sb', 14);
  site.delete('sb');
  const streams = await site.sealed('sb');
  assert.deepEqual(
    streams.map((stream) => stream.bytes.toString()),
    ['one\ntwo\nthree\n'],
  );
  assert.match(site.output, /Cannot hard-link/);
});

test('sandboxes whose names are not UTF-8 are read, each under its own id, and end', async (t) => {
  const site = new AgentSite();
  t.after(() => site.close());
  const named = (...bytes: number[]): Buffer =>
    Buffer.concat([Buffer.from(`${site.vms}/caf`), Buffer.from(bytes)]);
  const folders = { 'caf\u{fffd}E9': named(0xe9), 'caf\u{fffd}E8': named(0xe8), café: named(0xc3, 0xa9) };
  const write = (folder: Buffer, text: string): void =>
    appendFileSync(Buffer.concat([folder, Buffer.from('/console.log')]), text);
  const [[first, at]] = Object.entries(folders) as [[string, Buffer]];
  mkdirSync(at);
  write(at, 'before the start\n');
  await site.start();
  await site.read(first, 17);
  for (const [id, folder] of Object.entries(folders)) {
    if (id !== first) mkdirSync(folder);
    write(folder, `of ${id}\n`);
    await site.read(id, Buffer.byteLength(id) + 4);
    await site.flush(id);
  }
  await site.kill();
  write(at, 'unseen\n');
  await site.start();
  for (const [id, folder] of Object.entries(folders)) {
    rmSync(folder, { recursive: true });
    const [stream] = await site.sealed(id);
    const rest = id === first ? 'unseen\n' : '';
    assert.equal(String(stream!.bytes), `${id === first ? 'before the start\n' : ''}of ${id}\n${rest}`);
  }
  await site.empty();
});
