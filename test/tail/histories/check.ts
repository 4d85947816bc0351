import assert from 'node:assert/strict';
import type { RedactionState } from '../../../src/redact/redactor.ts';
import { assertBytes, bytesOf, type Gap, type StoredStream, streamsOf } from '../../support/streams.ts';
import { makeRedactor } from './content.ts';
import type { History } from './history.ts';
import type { Sandbox } from './sandbox.ts';

/** Compares what is stored of a sandbox that is deleted and read with what was written. */
export function check(history: History, sandbox: Sandbox): void {
  const streams = streamsOf(history.rows.poll().rows, sandbox.id);
  const all = streams.flatMap((stream) => stream.gaps);
  const gaps = all.flatMap((gap) => withoutUnsure(gap) ?? []);
  const truncations = sandbox.streams.filter(({ isTruncated }) => isTruncated).length;
  const written = Buffer.concat(sandbox.streams.map(({ bytes }) => bytes));
  const shown = history.world.redacts ? redacted(written, streams, sandbox.fileEnds) : written;
  const wanted = withoutAlike(bytesOf(streams), shown, sandbox, all.filter(isUnsure).length);
  assertBytes(bytesOf(streams), wanted, sandbox.id);
  // An agent that died in the middle of a look, or whose look failed, may not know that a file followed the one before:
  // it says so. So does one that takes two folders for one.
  const mayMiss = history.hasDiedInside || history.hasFailed || history.world.files.births === 'none';
  // The next one sees only by the pin whether there was more.
  const mayLackPin = history.hasDiedInside && history.hasLostPins;
  // A descriptor ends with its agent, which may not have come to the file's end before, for calls failed.
  const mayDrop = history.hasFailed && history.world.files.links !== 'work';
  const isMiss = ({ reason }: Gap): boolean =>
    (mayMiss && reason.startsWith('rotated away')) ||
    (mayDrop && reason.startsWith('the file was gone')) ||
    (mayLackPin && reason.startsWith('its pin was removed'));
  const isUnwatched = ({ reason }: Gap): boolean => reason.startsWith('nobody watched');
  const told = gaps.filter((gap) => !isMiss(gap) && !isUnwatched(gap));
  // Of a writer that another one wrote over, nothing may be known: the gap row of the stream before tells it.
  const unknown = sandbox.alike.filter((one) => one.isUnsure || wasOnlySeen(sandbox, one.end)).length;
  const isTold = told.length <= truncations && told.length >= truncations - unknown;
  assert.ok(isTold, `${sandbox.id}: ${truncations} truncations, told by ${JSON.stringify(gaps)}`);
  assert.ok(
    streams.every(({ seal }) => seal !== null),
    `${sandbox.id}: all is sealed`,
  );
  const lost = sandbox.streams.filter(({ hasLost }) => hasLost).length;
  const says = gaps.filter((gap) => isUnwatched(gap) || isMiss(gap)).length;
  assert.ok(says >= lost, `${sandbox.id}: ${lost} streams have lost a file that nobody saw, ${says} say so`);
  const mayLose = sandbox.streams.filter(({ hasLost, isUnwatched }) => hasLost || isUnwatched).length;
  assert.ok(
    mayMiss || says <= mayLose,
    `${sandbox.id}: ${mayLose} streams may have lost one, ${says} say so`,
  );
  // Lives that ended in the middle of the look that saw them first, or of the agent, may be taken for one.
  if (history.isBlurred || wanted !== shown) return;
  const lengths = (of: { bytes: Buffer }[]): number[] => of.map(({ bytes }) => bytes.length);
  assert.deepEqual(lengths(streams), lengths(sandbox.streams), `${sandbox.id}: streams`);
  for (const [index, { hasLost, isUnwatched, isTruncated }] of sandbox.streams.entries()) {
    const { complete } = streams[index]!.seal!;
    assert.ok(!hasLost || !complete, `${sandbox.id}: stream ${index} lost bytes, and is not complete`);
    const isSure = !streams[index]!.gaps.some(isUnsure);
    const isWhole = !hasLost && !isUnwatched && !isTruncated && !mayMiss && isSure;
    assert.ok(!isWhole || complete, `${sandbox.id}: stream ${index} is complete`);
  }
}

/** Which bytes a writer wrote over the former content is not known: a gap row says so. */
const isUnsure = ({ reason }: Gap): boolean => reason.startsWith('written over in place');

/** What else a gap row says. */
function withoutUnsure(gap: Gap): Gap | null {
  if (!isUnsure(gap)) return gap;
  const end = gap.reason.indexOf('; ');
  return end < 0 ? null : { ...gap, reason: gap.reason.slice(end + 2) };
}

/**
 * What must be found of what was written, if a writer that started over ended with bytes that were there before. More
 * may be missing where a gap row says that such an end is not known.
 */
function withoutAlike(found: Buffer, written: Buffer, sandbox: Sandbox, unsure: number): Buffer {
  let [at, foundAt, told] = [0, 0, unsure];
  const kept: Buffer[] = [];
  for (const alike of sandbox.alike) {
    const { end, bytes, isUnsure, isTruncated } = alike;
    let to = at;
    while (to < end && found[foundAt + to - at] === written[to]) to++;
    if (to < end) to = endBefore(found.subarray(foundAt), written.subarray(end), to - at) + at;
    const missing = end - to;
    const isUnknown = isUnsure || (to === at && wasOnlySeen(sandbox, end));
    const isCommon = missing > 0 && mayBeCommon(written.subarray(to, end), alike);
    const mustBeTold = missing > bytes || (!isTruncated && isCommon);
    if (mustBeTold && !isUnknown && told-- === 0) return written;
    kept.push(written.subarray(at, to));
    foundAt += to - at;
    at = end;
  }
  return at === 0 || kept.reduce((sum, { length }) => sum + length, 0) === at
    ? written
    : Buffer.concat([...kept, written.subarray(at)]);
}

/** Whether the first of these lines is empty, or has no number and a former line began there: it may be by chance. */
function mayBeCommon(lines: Buffer, { at, former }: Sandbox['alike'][number]): boolean {
  const line = lines.toString().split('\n')[0]!.replace('\r', '');
  const place = at - lines.length;
  return line === '' || (!/\d/.test(line) && (place === 0 || former[place - 1] === 10));
}

/**
 * Where what is found goes on with `next`: not behind `most`. What is written next may be like what is missing, and
 * begin with many NULs.
 */
function endBefore(found: Buffer, next: Buffer, most: number): number {
  for (const length of [70_000, 64]) {
    const at = found.lastIndexOf(next.subarray(0, length), most);
    if (at >= 0) return at;
  }
  return most;
}

/**
 * Whether what ends here is of a writer that started over, and no agent had to read it before it was gone: if its end
 * was not known, nothing of it was.
 */
function wasOnlySeen({ streams }: Sandbox, end: number): boolean {
  let at = 0;
  for (const { bytes, isTruncated, isOnlySeen } of streams) {
    at += bytes.length;
    if (at >= end) return at === end && isTruncated && isOnlySeen === true;
  }
  return false;
}

/**
 * What must be stored of what was written: what comes to one whole is hidden, however it came and was read, also in
 * pieces. A file that ends within a line ends that line.
 */
function redacted(written: Buffer, streams: StoredStream[], fileEnds: Set<number>): Buffer {
  const shown: Buffer[] = [];
  let at = 0;
  for (const { lines } of streams) {
    const redactor = makeRedactor();
    let state: RedactionState | null = null;
    let from = at;
    let row = at;
    for (const [index, { bytes }] of lines.entries()) {
      at += bytes.length;
      const isEnd = bytes.at(-1) === 10 || at - row === 65_536;
      const isFileEnd = !isEnd && fileEnds.has(at);
      if (isEnd || isFileEnd) row = at;
      if (index < lines.length - 1 && !isFileEnd) continue;
      const some = written.subarray(from, at);
      shown.push(Buffer.from(redactor.hide(some, 0, state)));
      state = redactor.took(some.length);
      from = at;
    }
  }
  return Buffer.concat([...shown, written.subarray(at)]);
}
