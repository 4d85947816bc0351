import { fc } from '../../../support/property.ts';
import { real } from '../../../support/simulated_agent.ts';
import { contentOf, hasLongNuls } from '../content.ts';
import type { History } from '../history.ts';
import type { Move } from '../move.ts';
import { makeRoom } from '../room.ts';
import { goesOn, SANDBOXES, type Sandbox, withoutNuls } from '../sandbox.ts';

interface Truncation {
  at: number;
  text: string[];
  /** The writer goes on at its old offset. */
  hole: boolean;
  /** So many NULs come first. */
  nuls: number;
  /** Nothing is written then. */
  isEmpty: boolean;
  /** As soon as an agent has seen the bytes that are there: it need not have read them. */
  hasty: boolean;
  amid: Amid;
}

/** It happens while an agent looks at the file: after so many of its calls, if it makes as many. */
interface Amid {
  calls: number;
  /** What is written next comes after so many further ones. */
  further: number;
}
const amids: fc.Arbitrary<Amid> = fc.record({
  calls: fc.constantFrom(0, 0, 4, 8, 9, 10, 11, 12, 13, 14, 16, 20),
  further: fc.constantFrom(0, 1, 2, 3, 5),
});

/** @param act does it @returns what that returns, if it was done; false if something else happened before */
async function amid(history: History, sandbox: Sandbox, calls: number, act: () => boolean): Promise<boolean> {
  if (calls === 0) return act();
  const { acts, agent } = history;
  let done: boolean | null = null;
  const once = (): void => {
    if (done === null && history.acts === acts && sandbox.isThere) done = act();
  };
  agent.meanwhileAfter(calls, once);
  history.wrote(sandbox);
  await agent.deliver();
  once();
  return done ?? false;
}

/** The writer writes after some more calls of the agent; at once if it makes fewer, or other things wait for them. */
function later({ agent }: History, further: number, write: () => void): (() => void) | null {
  if (further === 0 || agent.isArmed) {
    write();
    return null;
  }
  let isDone = false;
  const once = (): void => {
    if (!isDone) write();
    isDone = true;
  };
  agent.meanwhileAfter(further, once);
  return once;
}

/** All of the file has been read or seen, as of a wake or a copy-truncate some time after the last byte. */
const truncation = (
  weight: number,
  does: (history: History, sandbox: Sandbox, bytes: Buffer, before: Buffer) => boolean,
): Move<Truncation> => ({
  weight,
  draw: (text) =>
    fc.record({
      at: fc.nat(SANDBOXES - 1),
      text,
      hole: fc.boolean(),
      nuls: fc.constantFrom(0, 0, 1, 50, 5_000, 68_000),
      isEmpty: fc.constantFrom(false, false, false, true),
      hasty: fc.boolean(),
      amid: amids,
    }),
  async make(history, { at, text, hole: mayLeaveOne, nuls, isEmpty, hasty, amid: { calls, further } }) {
    const sandbox = history.sandboxes[at]!;
    const isOnlySeen = hasty || history.agent.isPaused;
    if (!(await (isOnlySeen ? history.isGuarded(sandbox) : history.isRead(sandbox)))) return false;
    if (isOnlySeen) sandbox.last.isOnlySeen = true;
    const isUnsure = history.agent.isUnsureOf(sandbox.id);
    let rest: (() => void) | null = null;
    const isDone = await amid(history, sandbox, calls, () => {
      const before = sandbox.content;
      // Nobody can tell that an empty file was truncated.
      if (before.length === 0) return false;
      // How far a writer that started over got, so how long its hole is, is not always known to the byte.
      const hole = mayLeaveOne && !isEmpty && sandbox.over === null;
      // A hole is not shorter than what was read. Longer NULs cannot be told from a hole, nor those behind one.
      const known = sandbox.over?.at ?? withoutNuls(before).length;
      const isTold = !hole && !isEmpty && nuls < known && !(history.world.redacts && nuls > 65_536);
      const first = isTold ? nuls : 0;
      const content = isEmpty ? Buffer.alloc(0) : history.unique(contentOf(text));
      const bytes = Buffer.concat([Buffer.alloc(first), content]);
      if (!hole && goesOn(before, bytes)) return false;
      const overs = sandbox.alike.length;
      if (!does(history, sandbox, bytes, before)) return false;
      if (sandbox.alike.length > overs) sandbox.alike.at(-1)!.isUnsure = isUnsure;
      // Who did not see how long a hole is takes it for content of a later copy.
      if (hole) sandbox.wasCut = true;
      if (isEmpty) history.met.add('truncation to nothing');
      if (first > 0) history.met.add('truncation with NULs first');
      if (calls > 0) history.met.add('truncation amid a look');
      sandbox.truncated = before;
      sandbox.spare_bytes = 0;
      real.truncateSync(sandbox.path, 0);
      rest = later(history, calls === 0 ? 0 : further, () => {
        if (hole) real.truncateSync(sandbox.path, before.length);
        history.write(sandbox, bytes);
        history.tell(sandbox, false);
      });
      return true;
    });
    (rest as (() => void) | null)?.();
    return isDone;
  },
});

/**
 * The writer starts over at offset 0, over what is there; later writes go on behind it. Before what is left of that, it
 * ends each write with a line: behind a piece of one, nobody could tell where it ends.
 */
export const overwrite: Move<Pick<Truncation, 'at' | 'text' | 'hasty' | 'amid'> & { room: number }> = {
  weight: 4,
  draw: (text) =>
    fc.record({
      at: fc.nat(SANDBOXES - 1),
      text,
      hasty: fc.boolean(),
      amid: amids,
      room: fc.constantFrom(0, 1, 600, 70_000),
    }),
  async make(history, { at, text, hasty, room, amid: { calls } }) {
    const sandbox = history.sandboxes[at]!;
    if (history.world.redacts) return false;
    // With few sums, it is not known where the former content ended: a gap row tells of all of it.
    if (history.world.isTight && sandbox.spare_bytes > 0) return false;
    // Nor is it if another writer started over before, whose end nobody may know.
    if (sandbox.over !== null && sandbox.spare_bytes > 0) return false;
    if (!history.world.isTight) makeRoom(history, sandbox, room);
    const isOnlySeen = hasty || history.agent.isPaused;
    if (!(await (isOnlySeen ? history.isGuarded(sandbox) : history.isRead(sandbox)))) return false;
    if (isOnlySeen) sandbox.last.isOnlySeen = true;
    const isUnsure = history.agent.isUnsureOf(sandbox.id);
    return await amid(history, sandbox, calls, () => {
      const former = sandbox.content;
      const bytes = history.unique(contentOf(text));
      // biome-ignore lint/complexity/useLiteralKeys: private; each life of an agent has its own
      const life = history.agent['tailer'];
      // Who did not watch the first of two writers does not know where it ended.
      if (sandbox.over !== null && sandbox.over.life !== life) return false;
      const isOverNuls = hasLongNuls(former);
      if (history.hasFailed && isOverNuls) return false;
      if (former.length === 0 || former.at(-1) === 0 || goesOn(former, bytes)) return false;
      // NULs behind it may be room.
      if (withoutNuls(bytes).length === former.length) return false;
      history.hasWrittenOverNuls ||= isOverNuls;
      sandbox.last.isTruncated = true;
      sandbox.wasCut = true;
      const overs = sandbox.alike.length;
      sandbox.begin(Buffer.alloc(0));
      if (sandbox.alike.length > overs) sandbox.alike.at(-1)!.isUnsure = isUnsure;
      sandbox.truncated = former;
      sandbox.over = { at: 0, former, life };
      sandbox.append(history.write(sandbox, bytes));
      if (calls > 0) history.met.add('overwrite amid a look');
      if (sandbox.spare_bytes > 0) history.met.add('overwrite before spare NULs');
      return true;
    });
  },
};

export const truncate = truncation(2, (_, sandbox, bytes, before) => {
  // NULs at the end of a live file are no content yet.
  const { last, over } = sandbox;
  if (over === null)
    last.bytes = last.bytes.subarray(0, last.bytes.length - before.length + withoutNuls(before).length);
  sandbox.last.isTruncated = true;
  sandbox.wasCut = true;
  sandbox.begin(bytes);
  return true;
});

export const copyTruncate = truncation(2, (history, sandbox, bytes) => {
  if (!sandbox.canMoveOn) return false;
  sandbox.leave();
  for (const name of sandbox.moveOn()) history.tell(sandbox, true, name);
  real.copyFileSync(sandbox.path, `${sandbox.path}.1`);
  history.tell(sandbox, true, 'console.log.1');
  sandbox.append(bytes);
  return true;
});

/**
 * The same, whatever an agent has read or seen of the file, and if none runs: the copy holds all of it. A copy that
 * nobody holds may not leave the chain, and holes stay out: nobody knows how far the writer was.
 */
export const copyTruncateUnseen: Move<Pick<Truncation, 'at' | 'text'>> = {
  weight: 3,
  draw: (text) => fc.record({ at: fc.nat(SANDBOXES - 1), text }),
  async make(history, { at, text }) {
    const sandbox = history.sandboxes[at]!;
    // What was truncated in place, or left a hole, must have been seen since: its copy is none of what was seen before.
    if (sandbox.wasCut && !(await history.isGuarded(sandbox))) return false;
    history.acts++;
    if (!sandbox.isThere || !sandbox.canMoveOn || sandbox.isReplaced) return false;
    if (sandbox.over !== null || sandbox.spare_bytes > 0 || history.agent.faults.isOn) return false;
    const before = sandbox.content;
    const bytes = history.unique(contentOf(text));
    if (before.length === 0 || goesOn(before, bytes)) return false;
    for (const name of sandbox.moveOn()) history.tell(sandbox, true, name);
    real.copyFileSync(sandbox.path, `${sandbox.path}.1`);
    history.tell(sandbox, true, 'console.log.1');
    sandbox.truncated = before;
    sandbox.hasUnseenCopy = true;
    real.truncateSync(sandbox.path, 0);
    sandbox.append(history.write(sandbox, bytes));
    history.tell(sandbox, false);
    return true;
  },
};
