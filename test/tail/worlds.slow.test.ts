import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { AgentSite } from '../support/agent_site.ts';
import { Mounts } from '../support/mounts.ts';
import { assertBytes } from '../support/streams.ts';
import { Console, type Rotator, rotators, type WriterKind, writers } from './worlds/console.ts';

/**
 * Each file system, with each kind of writer and of rotation, read by a real agent that is killed in between. The table
 * of worlds, docs/worlds.md, names these tests.
 */
const fileSystems: Record<string, (mounts: Mounts, data: string) => boolean | Promise<unknown>> = {
  'the file system of the temporary folder': () => true,
  tmpfs: (mounts, data) => mounts.tmpfs(data),
  'ext4 without birth times': (mounts, data) => mounts.ext4(data, { inode_bytes: 128 }),
  'a bind mount': (mounts, data) => mounts.bind(mounts.folder('behind'), data),
  overlayfs: (mounts, data) => mounts.overlay(mounts.folder('behind'), data),
  'FUSE that keeps inode numbers': (mounts, data) => mounts.bindfs(mounts.folder('behind'), data),
  'FUSE with another inode number for each link': (mounts, data) =>
    mounts.plainFuse(mounts.folder('behind'), data),
  'sandboxes on another file system than the pins': (mounts, data) => mounts.tmpfs(join(data, 'vms')),
};

const LINES = 200;

class Life {
  readonly id: string;
  readonly rotator: Rotator;
  readonly console: Console;

  constructor(site: AgentSite, index: number, writer: WriterKind, rotator: Rotator) {
    this.id = `world-${index}`;
    this.rotator = rotator;
    site.make(this.id);
    this.console = new Console(site.path(this.id), writer);
  }
}

async function everyCell(t: TestContext, site: AgentSite): Promise<void> {
  await site.start();
  const cells = Object.keys(writers).flatMap((writer) =>
    rotators.map((rotator) => ({ writer: writer as WriterKind, rotator })),
  );
  const lives = cells.map(({ writer, rotator }, index) => new Life(site, index, writer, rotator));
  const each = async (does: (life: Life) => void): Promise<void> => {
    for (const life of lives) does(life);
    for (const { id } of lives) await site.flush(id);
  };
  await each(({ console }) => console.write(LINES));
  await each(({ console, rotator }) => {
    console.rotate(rotator);
    console.write(LINES);
  });
  await site.kill();
  for (const { console } of lives) console.write(LINES);
  await site.start();
  await each(({ console, rotator }) => {
    console.rotate(rotator);
    console.write(LINES);
  });
  // A new life that is shorter than the old one, then as long, then longer.
  await each(({ console }) => {
    console.restart();
    console.write(LINES / 2);
  });
  await each(({ console }) => console.write(2 * LINES));
  for (const { id, console } of lives) {
    console.close();
    site.delete(id);
  }
  for (const [index, { writer, rotator }] of cells.entries()) {
    const { id, console } = lives[index]!;
    await t.test(`${writer} × ${rotator}`, async () => {
      const { length } = console.streams;
      const streams = await site.sealed(id, length);
      for (const [number, wanted] of console.streams.entries())
        assertBytes(streams[number]!.bytes, wanted, `${id}, stream ${number}`);
      assert.equal(streams.length, length, `${id} has as many streams as lives`);
      const gaps = streams.map((stream) => stream.gaps.length);
      // After a truncation nobody knows whether there were unread bytes.
      assert.deepEqual(
        gaps,
        [...Array(length - 1).fill(1), 0],
        JSON.stringify(streams.map((one) => one.gaps)),
      );
    });
  }
  await site.empty();
}

for (const [name, mount] of Object.entries(fileSystems)) {
  test(name, async (t) => {
    const mounts = new Mounts(t);
    const site = new AgentSite({ vms: false });
    try {
      if (!(await mount(mounts, site.settings.data_dir))) return;
      mkdirSync(site.vms, { recursive: true });
      await everyCell(t, site);
    } finally {
      await site.kill();
      for (const path of [site.vms, site.settings.data_dir]) mounts.unmount(path);
      await site.close();
    }
  });
}
