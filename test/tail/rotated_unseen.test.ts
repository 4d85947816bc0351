import assert from 'node:assert/strict';
import { appendFileSync, copyFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { AgentSite } from '../support/agent_site.ts';
import type { StoredStream } from '../support/streams.ts';
import { TailHost } from '../support/tail_host.ts';

/** How rotators name the file that was the live one; `path` gives the path of a file of its folder. */
const rotations: Record<string, (path: (file: string) => string, turn: number) => void> = {
  'numbers from 0': (path, turn) => {
    for (let number = turn; number >= 1; number--)
      renameSync(path(`console.log.${number - 1}`), path(`console.log.${number}`));
    renameSync(path('console.log'), path('console.log.0'));
  },
  dateext: (path, turn) => renameSync(path('console.log'), path(`console.log-2026112${turn}`)),
  'a date before the extension': (path, turn) =>
    renameSync(path('console.log'), path(`console-2026112${turn}.log`)),
  '.old': (path) => renameSync(path('console.log'), path('console.log.old')),
  renamecopy: (path, turn) => {
    for (let number = turn; number >= 1; number--)
      renameSync(path(`console.log.${number}`), path(`console.log.${number + 1}`));
    renameSync(path('console.log'), path('console.log.tmp'));
    copyFileSync(path('console.log.tmp'), path('console.log.1'));
    rmSync(path('console.log.tmp'));
  },
};

/** Turns of a rotator, with lines in each file. @returns what was written */
function rotateAll(
  rotate: (typeof rotations)[string],
  path: (file: string) => string,
  turns: number,
): string {
  let written = '';
  for (let turn = 0; turn < turns; turn++) {
    const late = `late in turn ${turn}\n`;
    appendFileSync(path('console.log'), late);
    rotate(path, turn);
    const first = `first of turn ${turn + 1}\n`;
    appendFileSync(path('console.log'), first);
    written += late + first;
  }
  return written;
}

/** Only one file can be `.old`. */
const turnsOf = (naming: string): number => (naming === '.old' ? 1 : 2);

function assertWhole([stream, ...more]: StoredStream[], written: string): void {
  assert.equal(String(stream!.bytes), written);
  assert.deepEqual([stream!.gaps, stream!.seal!.complete], [[], true]);
  assert.deepEqual(more, []);
}

test('a console that is rotated to other names while no agent runs is one stream without a gap', async (t) => {
  const site = new AgentSite();
  t.after(() => site.close());
  await site.start();
  const cases = Object.entries(rotations).map(([naming, rotate], index) => ({
    naming,
    rotate,
    id: `sb-${index}`,
  }));
  for (const { id } of cases) {
    site.make(id);
    writeFileSync(site.path(id), 'begins\n');
  }
  for (const { id } of cases) await site.flush(id);
  await site.kill();
  const written = cases.map(
    ({ naming, rotate, id }) =>
      `begins\n${rotateAll(rotate, (file) => site.path(id, file), turnsOf(naming))}`,
  );
  await site.start();
  for (const { id } of cases) await site.flush(id);
  for (const { id } of cases) site.delete(id);
  for (const [index, { naming, id }] of cases.entries())
    await t.test(naming, async () => assertWhole(await site.sealed(id), written[index]!));
});

describe('a console that is rotated to other names while reading pauses is one stream without a gap', {
  concurrency: true,
}, () => {
  for (const [naming, rotate] of Object.entries(rotations)) {
    test(naming, async (t) => {
      const host = new TailHost(t);
      host.write('sb', 'begins\n');
      await host.read('sb', 7);
      host.tailer.pause();
      const turns = turnsOf(naming);
      const written = `begins\n${rotateAll(rotate, (file) => host.path('sb', file), turns)}`;
      await host.eventually('all are pinned', () => host.pinned() >= turns + 1);
      host.tailer.resume();
      await host.read('sb', written.length);
      host.delete('sb');
      assertWhole(await host.sealed('sb'), written);
    });
  }
});
