import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { crc32 } from 'node:zlib';
import { segmentPath } from '../../src/spool/segment.ts';
import { Spool } from '../../src/spool/spool.ts';
import { AgentSite } from '../support/agent_site.ts';
import { SpoolRows } from '../support/spool_rows.ts';
import { temporaryDir } from '../support/temporary.ts';

/** Files of a folder with content and time. */
const picture = (dir: string): string[] =>
  readdirSync(dir).map((name) => {
    const path = join(dir, name);
    return `${name} ${statSync(path).mtimeMs} ${crc32(readFileSync(path))}`;
  });

/** Makes the first head of a segment that of another format, as that would write it. */
function setFormat(path: string, format: number): void {
  const bytes = readFileSync(path);
  bytes[3] = 48 + format;
  bytes.writeUInt32LE(crc32(bytes.subarray(0, 20)), 20);
  writeFileSync(path, bytes);
}

async function spooled(dir: string): Promise<void> {
  const spool = new Spool(dir);
  spool.append({ 'sb/console': 1 }, Buffer.from('one'));
  await spool.close();
}

test('a spool of a newer format is refused: both numbers are named, and nothing is touched', async (t) => {
  const change: [(dir: string) => void, RegExp][] = [
    [
      (dir) => setFormat(segmentPath(dir, 1), 2),
      /000000000001\.seg has spool format 2; this version of afterlog supports format 1/,
    ],
    [
      (dir) => writeFileSync(join(dir, 'cursor.json'), '{"format":3,"where":"elsewhere"}'),
      /cursor\.json has spool format 3; this version of afterlog supports format 1/,
    ],
  ];
  for (const [make, message] of change) {
    const dir = join(await temporaryDir(t), 'spool');
    await spooled(dir);
    make(dir);
    const before = picture(dir);
    assert.throws(() => new Spool(dir), { code: 'SPOOL_FORMAT', message });
    assert.deepEqual(picture(dir), before);
  }
});

test('a damaged byte is no newer format', async (t) => {
  const dir = join(await temporaryDir(t), 'spool');
  await spooled(dir);
  const path = segmentPath(dir, 1);
  const bytes = readFileSync(path);
  bytes[3]! ^= 2; // "SAL3", without the checksum that belongs to it
  writeFileSync(path, bytes);
  const spool = new Spool(dir);
  assert.equal(spool.counts.damaged, 1);
  await spool.close();
});

test('an agent refuses a newer spool with what to do, and its lock is free again', async (t) => {
  const site = new AgentSite();
  t.after(() => site.close());
  await site.start();
  await site.kill();
  const dir = join(site.settings.state_dir, 'spool');
  setFormat(segmentPath(dir, 1), 2);
  await assert.rejects(
    site.start(),
    /spool format 2.*SPOOL_FORMAT.*Nothing was changed\. Start the version/s,
  );
  assert.ok(!existsSync(join(site.settings.state_dir, 'agent.lock')));
});

test('states of an older agent, and of a newer one with fields that are not known here, are taken up', async (t) => {
  const site = new AgentSite();
  t.after(() => site.close());
  await site.start();
  for (const id of ['older', 'newer']) {
    site.make(id);
    writeFileSync(site.path(id), 'one\ntwo\nunfinished');
    await site.read(id, 8);
  }
  await site.kill();
  const dir = join(site.settings.state_dir, 'spool');
  const states = new Map(
    [...site.spool.poll().states].map(([key, state]) => [key, structuredClone(state)]),
  ) as Map<
    string,
    { file: Record<string, unknown>; stream: { parser: Record<string, unknown> }; [field: string]: unknown }
  >;
  // As the first agents wrote them: no fields that came later.
  const older = states.get('older/console')!;
  const { inode, born, number, offset, skips_hole, tail_crc32, tail_bytes } = older.file;
  older.file = { inode, born, number, offset, skips_hole, tail_crc32, tail_bytes };
  older.stream.parser = { seconds: 0, nanos: 0 };
  const newer = states.get('newer/console')!;
  Object.assign(newer, { mood: 'good' });
  Object.assign(newer.file, { colour: 'blue' });
  Object.assign(newer.stream.parser, { entry: { more: [1] } });
  const spool = new Spool(dir);
  spool.append(Object.fromEntries(states), null);
  await spool.close();
  site.spool = new SpoolRows(dir);
  await site.start();
  for (const id of ['older', 'newer']) {
    writeFileSync(site.path(id), ' line\n[    1.000000] kernel line\n', { flag: 'a' });
    site.delete(id);
    const [stream] = await site.sealed(id);
    assert.equal(stream!.bytes.toString(), 'one\ntwo\nunfinished line\n[    1.000000] kernel line\n');
    assert.deepEqual(stream!.gaps, []);
  }
  await site.empty();
});
