import assert from 'node:assert/strict';
import { appendFileSync, copyFileSync, renameSync, truncateSync, writeFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { LogNames } from '../../src/tail/log_names.ts';
import { kindOfName } from '../../src/tail/rotation_names.ts';
import { AgentSite } from '../support/agent_site.ts';

test('names of known rotators are told from those of strangers, and from archives', () => {
  const kinds = (names: string[], file = 'console.log'): string[] =>
    names.map((name) => {
      const kind = kindOfName(name, file);
      return typeof kind === 'object' ? (kind?.scheme ?? 'other') : kind;
    });
  const all = (names: string[], kind: string, file?: string): void =>
    assert.deepEqual(kinds(names, file), Array(names.length).fill(kind), names.join(' '));
  all(['console.log'], 'live');
  all(['console.log.0', 'console.log.1', 'console.log.12', 'console.1.log'], 'number');
  all(
    [
      'console.log-20261129',
      'console.log-20261129-1764444444',
      'console.log-2026112910',
      'console-20261129.log',
    ],
    'date',
  );
  all(
    ['console.log.2026-11-29', 'console.log-1764444444', 'console.log.20261129', 'console_2026-11-29.log'],
    'date',
  );
  all(['console.log.old', 'console.log-old', 'console.old.log'], 'old');
  all(
    [
      'console.log.1.gz',
      'console.log-20261129.xz',
      'console.1.log.gz',
      'console.log.gz',
      'console.log.bak.zst',
    ],
    'archive',
  );
  all(
    ['console.log.bak', 'console.log.01', 'console.log.tmp', 'console.log.1.swp', 'console.log.'],
    'strange',
  );
  all(
    [
      'console.logs',
      'console-2.log',
      'consoles',
      'console.sock',
      'xconsole.log.1',
      'rootfs.ext4',
      'console-a.log.gz',
    ],
    'other',
  );
  all(['events-20261129.jsonl', 'events.jsonl-20261129'], 'date', 'events.jsonl');
});

test('names of one rotator order its files; those of two are ordered by the time of their newest files', () => {
  const ordered = (names: string[], times: Record<string, bigint> = {}): string[] => {
    const own = new LogNames();
    for (const name of names) own.add(name, kindOfName(name, 'console.log') as never);
    own.sort((name) => times[name] ?? assert.fail(`the time of ${name} does not matter`));
    assert.deepEqual(
      own.chain.map(({ age }) => age),
      own.chain.map((_, index) => own.chain.length - 1 - index + (own.chain.at(-1)?.age ?? 0)),
    );
    return own.chain.map(({ name }) => name);
  };
  const [live, one, ten, zero] = ['console.log', 'console.log.1', 'console.log.10', 'console.log.0'];
  assert.deepEqual(ordered([one, live, zero, ten]), [ten, one, zero, live]);
  const [first, second, third] = [
    'console.log-20261128',
    'console.log-20261129',
    'console.log-20261129-1764444444',
  ];
  assert.deepEqual(ordered([third, live, first, second]), [first, second, third, live]);
  assert.deepEqual(ordered([first, one, second, live, ten], { [one]: 1n, [second]: 2n }), [
    ten,
    one,
    first,
    second,
    live,
  ]);
  assert.deepEqual(ordered([first, one, second, ten], { [one]: 3n, [second]: 2n }), [
    first,
    second,
    ten,
    one,
  ]);
});

describe('a console that is rotated to other names is one stream without a gap', {
  concurrency: true,
}, () => {
  const site = new AgentSite();
  before(() => site.start());
  after(() => site.close());

  const namings: Record<string, (turn: number) => string> = {
    dateext: (turn) => `console.log-2026112${turn}`,
    'dateext with a time': (turn) => `console.log-20261129-176444444${turn}`,
    extension: (turn) => `console-2026112${turn}.log`,
  };
  for (const [naming, nameOf] of Object.entries(namings)) {
    test(`${naming}, by renaming`, async () => {
      const id = `rename-${naming.replaceAll(' ', '-')}`;
      site.make(id);
      let wanted = '';
      writeFileSync(site.path(id), '');
      for (let turn = 0; turn < 4; turn++) {
        const text = `turn ${turn} of ${naming}\n`;
        appendFileSync(site.path(id), text);
        wanted += text;
        await site.read(id, wanted.length);
        site.atOnce(() => {
          renameSync(site.path(id), site.path(id, nameOf(turn)));
          writeFileSync(site.path(id), '');
        });
      }
      await site.pinned(id);
      await isOneStream(id, wanted);
    });

    test(`${naming}, by copy and truncation`, async () => {
      const id = `copy-${naming.replaceAll(' ', '-')}`;
      site.make(id);
      let wanted = '';
      for (let turn = 0; turn < 4; turn++) {
        const text = `turn ${turn} of ${naming}, ${'some more '.repeat(4 - turn)}\n`;
        appendFileSync(site.path(id), text);
        wanted += text;
        await site.read(id, wanted.length);
        copyFileSync(site.path(id), site.path(id, nameOf(turn)));
        await site.pinned(id);
        truncateSync(site.path(id), 0);
        await site.flush(id);
      }
      await isOneStream(id, wanted);
    });
  }

  test('numbers from 0', async () => {
    const id = 'zero';
    site.make(id);
    let wanted = '';
    writeFileSync(site.path(id), '');
    for (let turn = 0; turn < 3; turn++) {
      const text = `turn ${turn}\n`;
      appendFileSync(site.path(id), text);
      wanted += text;
      await site.read(id, wanted.length);
      site.atOnce(() => {
        if (turn > 0) renameSync(site.path(id, 'console.log.0'), site.path(id, `console.log.${turn}`));
        renameSync(site.path(id), site.path(id, 'console.log.0'));
        writeFileSync(site.path(id), '');
      });
    }
    await site.pinned(id);
    await isOneStream(id, wanted);
  });

  test('.old, the one before deleted', async () => {
    const id = 'old';
    site.make(id);
    let wanted = '';
    writeFileSync(site.path(id), '');
    for (let turn = 0; turn < 3; turn++) {
      const text = `turn ${turn}\n`;
      appendFileSync(site.path(id), text);
      wanted += text;
      await site.read(id, wanted.length);
      site.atOnce(() => {
        renameSync(site.path(id), site.path(id, 'console.log.old'));
        writeFileSync(site.path(id), '');
      });
    }
    await site.pinned(id);
    await isOneStream(id, wanted);
  });

  test('archives and a user’s copy are no content, and the copy is counted', async () => {
    const id = 'beside';
    site.make('.beside');
    writeFileSync(site.path('.beside', 'console.log.1.gz'), 'not text\n');
    writeFileSync(site.path('.beside', 'console.log.bak'), 'a copy\n');
    writeFileSync(site.path('.beside'), 'own\n');
    renameSync(site.folder('.beside'), site.folder(id));
    await site.eventually('a word', () =>
      site.output.includes(`${site.path(id, 'console.log.bak')} is a file beside`),
    );
    await site.read(id, 4);
    await isOneStream(id, 'own\n');
  });

  async function isOneStream(id: string, wanted: string): Promise<void> {
    await site.flush(id);
    site.delete(id);
    const [stream, ...more] = await site.sealed(id);
    assert.equal(stream!.bytes.toString(), wanted);
    assert.deepEqual(stream!.gaps, []);
    assert.equal(stream!.seal!.reason, 'deleted');
    assert.deepEqual(more, []);
  }
});
