import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, type TestContext, test } from 'node:test';
import { promisify } from 'node:util';
import { AgentSite } from '../support/agent_site.ts';
import { hasLogrotate, LOGROTATE } from '../support/logrotate.ts';
import { until } from '../support/patience.ts';

const run = promisify(execFile);

const methods = ['create', 'copytruncate', 'copy', 'renamecopy'] as const;
type Method = (typeof methods)[number];
const namings = {
  numbers: '',
  'numbers from 0': 'start 0',
  dateext: 'dateext\n  dateformat -%Y%m%d-%s',
  extension: 'extension .log',
  'dateext, extension': 'dateext\n  dateformat -%Y%m%d-%s\n  extension .log',
} as const;
type Naming = keyof typeof namings;

interface Case {
  method: Method;
  naming?: Naming;
  rotate?: number;
  more?: 'compress' | 'delaycompress' | 'olddir';
  /** The writer never opens the log again. */
  keeps?: true;
}

/** How often the log can be rotated before the file of a writer that keeps it loses its last name. */
function turnsOf({ method, rotate = 3, more, keeps }: Case): number {
  if (!keeps || method === 'copy' || method === 'copytruncate') return 4;
  if (method === 'renamecopy' || more === 'compress') return 0;
  return more === 'delaycompress' ? 1 : rotate;
}

const cases: Case[] = [
  ...methods.flatMap((method) =>
    Object.keys(namings).map((naming) => ({ method, naming: naming as Naming })),
  ),
  ...methods.flatMap((method) => ([0, 1] as const).map((rotate) => ({ method, rotate }))),
  ...methods.flatMap((method) =>
    (['compress', 'delaycompress', 'olddir'] as const).map((more) => ({ method, more })),
  ),
  ...methods.map((method) => ({ method, more: 'delaycompress' as const, naming: 'dateext' as const })),
].flatMap((one): Case[] => [one, { ...one, keeps: true }]);

/**
 * Whether no look can find a sign of the rotation, or of the copy: it was in another folder, or gone at once. No byte
 * is lost, but the console may go on in a new stream.
 */
const leavesNoSign = ({ method, rotate = 3, more }: Case): boolean =>
  (method === 'copytruncate' && (rotate === 0 || more === 'compress' || more === 'olddir')) ||
  (method === 'renamecopy' && (rotate === 0 || more === 'compress' || more === 'olddir')) ||
  (method === 'create' && rotate === 0);

const nameOf = ({ method, naming = 'numbers', rotate = 3, more, keeps }: Case): string =>
  `${method}, ${naming}, rotate ${rotate}, ${more ? `${more}, ` : ''}a writer that ${keeps ? 'keeps its file' : 'reopens'}`;

/** A writer that appends. */
class Writer {
  private fd: number;
  private readonly path: string;

  constructor(path: string) {
    this.path = path;
    this.fd = openSync(path, 'a');
  }

  write(text: string): void {
    writeSync(this.fd, text);
  }

  reopen(): void {
    this.close();
    this.fd = openSync(this.path, 'a');
  }

  close(): void {
    closeSync(this.fd);
  }
}

describe('what logrotate does to a console loses nothing and repeats nothing', { concurrency: 12 }, () => {
  const site = new AgentSite();
  before(() => site.start());
  after(() => site.close());

  for (const [index, one] of cases.entries()) {
    const turns = turnsOf(one);
    if (turns > 0) test(nameOf(one), (t) => rotates(t, `case-${index}`, one, turns));
  }

  async function rotates(t: TestContext, id: string, one: Case, turns: number): Promise<void> {
    if (!hasLogrotate(t)) return;
    const { method, naming = 'numbers', rotate = 3, more, keeps } = one;
    const olddir = join(site.dir, 'data', `old-${id}`);
    mkdirSync(olddir);
    const lines = ['size 1', `rotate ${rotate}`, 'allowhardlink', 'su root root', namings[naming]];
    if (method === 'create') lines.push('create');
    else lines.push(method);
    if (more === 'compress' || more === 'delaycompress') lines.push('compress');
    if (more === 'delaycompress') lines.push('delaycompress');
    if (more === 'olddir') lines.push(`olddir ${olddir}`);
    site.make(id);
    const config = join(site.dir, `${id}.conf`);
    const path = site.path(id);
    writeFileSync(config, `${path} {\n  ${lines.join('\n  ')}\n}\n`, { mode: 0o644 });
    const writer = new Writer(path);
    let wanted = '';
    const write = (text: string): void => {
      writer.write(text);
      wanted += text;
    };
    write(`${id} begins\n`);
    for (let turn = 1; turn <= turns; turn++) {
      write(`turn ${turn} of ${nameOf(one)}\n`.repeat(20 - turn));
      await site.read(id, wanted.length);
      await site.flush(id);
      // Names with a time must differ.
      const second = Math.floor(Date.now() / 1_000);
      await until(() => Math.floor(Date.now() / 1_000) > second, 'the next second');
      await run(LOGROTATE, ['-f', '-s', join(site.dir, `${id}.state`), config]);
      if (!keeps && (method === 'create' || method === 'renamecopy')) writer.reopen();
      write(`after turn ${turn}\n`);
      if (existsSync(path)) await site.eventually('a look', () => statSync(path).nlink > 1);
    }
    await site.read(id, wanted.length);
    await site.flush(id);
    writer.close();
    site.delete(id);
    // Files that have a name elsewhere are remembered.
    rmSync(olddir, { recursive: true });
    await site.eventually('its end', () => site.spool.poll().states.get(`${id}/console`) === undefined);
    const streams = site.streams(id);
    assert.equal(streams.map(({ bytes }) => bytes.toString()).join(''), wanted);
    if (leavesNoSign(one)) return;
    assert.equal(streams.length, 1);
    assert.deepEqual(streams[0]!.gaps, []);
    assert.equal(streams[0]!.seal!.reason, 'deleted');
  }
});
