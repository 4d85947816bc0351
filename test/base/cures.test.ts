import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, openSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { catalogue } from '../../src/base/catalogue.ts';
import { AfterlogError, type ErrorCode } from '../../src/base/errors.ts';
import { unwritable } from '../../src/base/faults.ts';
import { lockDir } from '../../src/spool/lock.ts';
import { Pins } from '../../src/tail/pins.ts';
import { notSeen, ReadFailure } from '../../src/tail/read_failure.ts';
import { temporaryDir } from '../support/temporary.ts';

/** What the system says to a call that it refuses. */
function refusal(call: () => unknown): Error {
  try {
    call();
  } catch (error) {
    return error as Error;
  }
  return assert.fail('it was not refused');
}

/** An error as the system makes it, of a kind that a test cannot bring about. */
const withCode = (code: string): Error => Object.assign(new Error(`${code}: it fails, read`), { code });

const cureOf = (code: ErrorCode, cause: Error): string => new AfterlogError(code, 'What.', cause).cure;

test('a file that cannot be read has the cure of its cause, and of no other', async (t) => {
  const dir = await temporaryDir(t);
  const cures: [Error, RegExp][] = [
    [refusal(() => readFileSync(join(dir, 'gone'))), /^Nothing/],
    [refusal(() => openSync(join(dir, 'x'.repeat(300)), 'r')), /shorter/],
    [withCode('EMFILE'), /LimitNOFILE/],
    [withCode('ENFILE'), /fs\.file-max/],
    [withCode('ENOTCONN'), /mount it again/i],
    [withCode('EIO'), /disk/],
    [withCode('EACCES'), /CAP_DAC_READ_SEARCH/],
    [withCode('EPERM'), /CAP_DAC_READ_SEARCH/],
    [new AfterlogError('SPOOL_FULL', 'the spool takes no rows now'), /healthz/],
  ];
  for (const [cause, cure] of cures) {
    for (const error of [cause, notSeen(cause), new ReadFailure('it fails', true, cause)]) {
      const told = cureOf('FILE_UNREADABLE', error);
      assert.match(told, cure, cause.message);
      const others = cures.filter(([, other]) => other.source !== cure.source && other.test(told));
      assert.deepEqual(others, [], `${cause.message} → ${told}`);
    }
  }
  assert.doesNotMatch(catalogue.FILE_UNREADABLE.cure, /CAP_|mount/, 'nothing is known of any other cause');
});

test('the folder of pins is not the state dir', async (t) => {
  const dir = await temporaryDir(t);
  const pins = join(dir, '.afterlog', 'pins');
  const made = new Pins(pins, 'link');
  rmdirSync(pins);
  writeFileSync(pins, 'a file');
  const error = refusal(() => made.list());
  assert.equal((error as AfterlogError).code, 'PINS_UNUSABLE');
  assert.match((error as AfterlogError).cure, /\.afterlog/);
  assert.doesNotMatch(`${error.message} ${(error as AfterlogError).cure}`, /AFTERLOG_STATE_DIR/);

  writeFileSync(join(dir, 'file'), '');
  const locked = (name: 'STATE_DIR_LOCKED' | 'DATA_DIR_LOCKED') =>
    (refusal(() => lockDir(join(dir, 'file', 'x'), name)) as AfterlogError).code;
  assert.deepEqual(
    [locked('STATE_DIR_LOCKED'), locked('DATA_DIR_LOCKED')],
    ['STATE_DIR_UNUSABLE', 'PINS_UNUSABLE'],
  );
});

test('what cannot be written has the cure of its cause', async (t) => {
  const dir = await temporaryDir(t);
  mkdirSync(join(dir, 'folder'));
  chmodSync(join(dir, 'folder'), 0o500);
  const cure = (code: string): string => unwritable('It cannot be written', withCode(code)).cure;
  assert.match(cure('EACCES'), /writable for the agent’s user/);
  assert.match(cure('EROFS'), /read-only/);
  assert.match(cure('EIO'), /disk/);
  assert.match(cure('EMFILE'), /LimitNOFILE/);
  assert.match(cure('EDQUOT'), /quota/);
  assert.match(cure('ENOSPC'), /Free some disk space/);
});

test('the folder of sandboxes and links have the cure of their cause', () => {
  assert.match(cureOf('DATA_DIR_UNREADABLE', withCode('EACCES')), /enter and read/);
  assert.doesNotMatch(cureOf('DATA_DIR_UNREADABLE', withCode('EACCES')), /[Mm]ount/);
  assert.match(cureOf('DATA_DIR_UNREADABLE', withCode('ENOTCONN')), /Mount/);
  assert.match(cureOf('LINK_IMPOSSIBLE', withCode('EXDEV')), /one file system/);
  assert.doesNotMatch(cureOf('LINK_IMPOSSIBLE', withCode('EXDEV')), /CAP_FOWNER/);
  assert.match(cureOf('LINK_IMPOSSIBLE', withCode('EPERM')), /CAP_FOWNER/);
});

test('a server’s answer has the cure of its kind', () => {
  const typed = (type: string): Error => Object.assign(new Error('no'), { type });
  const denied = cureOf('CLICKHOUSE_REFUSED', typed('ACCESS_DENIED'));
  assert.match(denied, /doctor/);
  assert.match(cureOf('CLICKHOUSE_REFUSED', typed('AUTHENTICATION_FAILED')), /PASSWORD/);
  assert.match(cureOf('KAFKA_REFUSED', typed('SASL_AUTHENTICATION_FAILED')), /SASL/);
  const right = cureOf(
    'KAFKA_REFUSED',
    new AfterlogError('INTERNAL', '', typed('TOPIC_AUTHORIZATION_FAILED')),
  );
  assert.match(right, /^Give this user Create/);
  for (const cure of [denied, right]) assert.doesNotMatch(cure, /SASL|PASSWORD/);
  assert.match(cureOf('CLICKHOUSE_UNREACHABLE', withCode('ENOTFOUND')), /name of the host/);
});

test('readers are not told that writing goes on', () => {
  for (const code of [
    'CLICKHOUSE_UNREACHABLE',
    'NOT_CLICKHOUSE',
    'BODY_REFUSED',
    'KAFKA_UNREACHABLE',
  ] as const)
    assert.doesNotMatch(catalogue[code].cure, /by itself|retries|nothing is lost/);
});
