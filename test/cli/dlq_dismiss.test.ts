import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { setAsideIn } from '../../src/deliver/set_aside.ts';
import { newEpoch, run } from '../support/batches.ts';
import { afterlog } from '../support/command.ts';
import { site } from '../support/consumer_site.ts';
import { consumed, environmentOf, objects } from '../support/dead_letters.ts';
import { poisonBatch } from '../support/letters.ts';
import { temporaryDir } from '../support/temporary.ts';
import { asMessage } from '../support/topic.ts';

/** A batch whose value has another CRC-32 than its header. */
function spoiled(epoch: number, sequence: number) {
  const message = asMessage(poisonBatch(epoch, sequence));
  message.headers!.crc32 = '1';
  return message;
}

/** Runs a command with a terminal, on which the test's input is typed. */
const onTerminal = [
  'python3',
  '-c',
  'import os, pty, sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))',
];

test('a damaged letter is dismissed alone, says what is lost, and is left no more', async (t) => {
  const here = await site(t);
  const epoch = newEpoch();
  const { mend, dlq } = await consumed(t, here, [
    spoiled(epoch, 1),
    poisonBatch(epoch, 2),
    { value: 'hello', headers: { 'dlq-dismisses': '0/0', hostile: '\x1b[2J' } },
    { value: null, headers: { 'dlq-dismisses': '0/1' } },
    ...run(epoch, 3, 3),
  ]);
  const states = async () => objects((await dlq('--json')).stdout).map(({ id, state }) => `${id} ${state}`);
  const before = ['0/3 waiting', '0/2 damaged', '0/1 damaged', '0/0 damaged'];
  assert.deepEqual((await states()).toSorted(), before.toSorted(), 'a header of a message dismisses nothing');
  const waiting = objects((await dlq('--state', 'waiting', '--json')).stdout)[0]!.id as string;

  const asked = await dlq('dismiss', '0/0');
  assert.equal(asked.code, 2);
  assert.match(asked.stderr, /^0\/0 is damaged, of host host-1, \d+ B, set aside /m);
  assert.match(asked.stderr, /^ {2}reason: .*CRC-32/m);
  assert.match(asked.stderr, new RegExp(`^  batch: host-1/${epoch}/1, 10 rows$`, 'm'));
  assert.match(
    asked.stderr,
    new RegExp(`^  lost: sb-${epoch} console, offsets \\d+ to \\d+, \\d+ rows$`, 'm'),
  );
  assert.match(asked.stderr, /use --yes to confirm/);
  const mixed = await dlq('dismiss', '0/0', waiting, '--yes');
  assert.equal(mixed.code, 1);
  assert.match(mixed.stderr, new RegExp(`Nothing was dismissed: ${waiting} is waiting and can be replayed`));
  assert.equal((await dlq('--reason', 'x', 'dismiss', '0/0', '--yes')).code, 2, 'a filter is no choice');
  assert.equal((await dlq('dismiss', '--yes')).code, 2);
  assert.equal((await dlq('dismiss', '0/0', '0/99', '--yes')).code, 1);
  assert.deepEqual((await states()).toSorted(), before.toSorted(), 'nothing was dismissed so far');

  const done = await dlq('dismiss', '0/0', '--yes', '--json');
  assert.equal(done.code, 0);
  const [object] = objects(done.stdout);
  assert.deepEqual([object!.id, object!.state, object!.was], ['0/0', 'dismissed', 'damaged']);
  const { parts, whole } = object!.lost as { parts: { sandbox_id: string; from: string }[]; whole: boolean };
  assert.equal(whole, true);
  assert.deepEqual(
    parts.map(({ sandbox_id, from }) => [sandbox_id, from]),
    [
      [`sb-${epoch}`, '0'],
      [`sb-${epoch}-b`, '300'],
    ],
  );
  const left = (state: string) => before.map((one) => one.replace('0/0 damaged', `0/0 ${state}`)).toSorted();
  assert.deepEqual((await states()).toSorted(), left('dismissed'));
  assert.match((await dlq('show', '0/0')).stdout, /state +dismissed \d{4}-/);
  assert.match((await dlq('dismiss', '0/0')).stdout, /^0\/0 was dismissed before, /);
  assert.match((await dlq('show', '0/4')).stderr, /0\/4 .* dismisses dead letter 0\/0\. \[LETTER_UNKNOWN\]/);
  const newest = objects((await dlq('--json', '--limit', '1')).stdout);
  assert.deepEqual([newest.length, newest[0]!.id], [1, '0/3'], 'a dismissal takes the place of no letter');

  await mend();
  const some = await dlq('replay', '--all');
  assert.equal(some.code, 1);
  assert.match(some.stderr, /^1 replayed, .* 2 damaged or gone, 1 dismissed\.$/m);
  assert.match(some.stderr, /^2 dead letters left; /m);
  assert.match(some.stderr, /^ {2}2 damaged \(\S+, \S+\): can never be replayed; .*dlq dismiss ID`\.$/m);
  const others = before.map((one) => one.split(' ')[0]!).filter((id) => id !== '0/0' && id !== waiting);
  const hostile = await dlq('dismiss', ...others, '--yes');
  assert.equal(hostile.code, 0);
  assert.match(hostile.stderr, /^ {2}lost: what, is not known; not all of it can be decoded$/m);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: nothing raw
  assert.doesNotMatch(hostile.stderr + hostile.stdout, /\x1b/);
  const all = await dlq('replay', '--all');
  assert.deepEqual([all.code, all.stdout], [0, '']);
  assert.match(all.stderr, /^0 replayed, 1 replayed before, .* 3 dismissed\.$/m);
  assert.equal((await dlq('--state', 'open')).stdout, '');
  assert.equal((await dlq('dismiss', waiting, '--yes')).code, 1, 'a replayed one is not dismissed');
});

test('a damaged batch in refused/ is dismissed by a file beside it, until its content changes', async (t) => {
  const here = await site(t, { kafkaBrokers: '', stateDir: await temporaryDir(t) });
  const environment = { ...environmentOf(here.settings), AFTERLOG_CLICKHOUSE_URL: 'http://127.0.0.1:9' };
  const dlq = (...args: string[]) => afterlog(['dlq', ...args], environment);
  const dir = join(here.settings.state_dir, 'refused');
  const batch = poisonBatch(newEpoch(), 1);
  await setAsideIn(dir)({ batch, reason: 'refused' });
  const id = `host-1/${batch.header.epoch}/1`;
  const path = join(dir, `${id.replaceAll('/', '-')}.batch`);
  const whole = await readFile(path);
  await writeFile(path, whole.subarray(0, whole.length - 40));
  const state = async () => objects(String((await dlq('--json')).stdout))[0]!.state;
  assert.equal(await state(), 'damaged');
  const done = await dlq('dismiss', id, '--yes');
  assert.deepEqual([done.code, String(done.stdout)], [0, `${id} dismissed.\n`], done.stderr);
  assert.equal(await state(), 'dismissed');
  await writeFile(path, 'other');
  assert.equal(await state(), 'damaged');

  const answered = (answer: string) => afterlog(['dlq', 'dismiss', id], environment, answer, onTerminal);
  const no = await answered('y\n');
  assert.equal(no.code, 1);
  assert.match(String(no.stdout), /Never replay it\? Type yes: .*Nothing was dismissed\./s);
  assert.equal(await state(), 'damaged');
  assert.equal((await answered('yes\n')).code, 0);
  assert.equal(await state(), 'dismissed');
});
