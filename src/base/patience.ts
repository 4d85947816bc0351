import { setTimeout as sleep } from 'node:timers/promises';
import type { AfterlogError } from './errors.ts';
import { Trouble } from './faults.ts';
import { limits } from './limits.ts';

/** Ends a retry loop: the caller has to leave, or `alive` failed. */
export class Leaving extends Error {
  constructor(cause: unknown) {
    super('leaving', { cause });
  }
}

/**
 * Runs `work`, and calls `alive` at once and every `alive_ms` meanwhile. If `alive` throws, or `leave`
 * aborts, the work has `handover_ms` to end by itself; then it is aborted, and its outcome is unknown.
 * @throws Leaving if `alive` threw (even if the work ended well) or `leave` came first; else what `work`
 *   throws
 */
export async function during<T>(
  work: (signal: AbortSignal) => Promise<T>,
  alive: () => Promise<void>,
  leave: AbortSignal,
  handover_ms: number = limits.consume.handover_ms,
): Promise<T> {
  if (leave.aborted) throw new Leaving(leave.reason);
  const abort = new AbortController();
  const ended = new AbortController();
  const running = work(abort.signal).finally(() => ended.abort());
  const stopped = beat(alive, AbortSignal.any([leave, ended.signal])).then(
    () => (leave.aborted ? { reason: leave.reason as unknown } : null),
    (error: unknown) => ({ reason: error }),
  );
  // The await below handles a failure of `running`; without this line the failure would be unhandled for a
  // moment.
  running.catch(() => {});
  const leaving = await Promise.race([
    stopped,
    running.then(
      () => null,
      () => null,
    ),
  ]);
  if (leaving === null) return running;
  const late = setTimeout(() => abort.abort(), handover_ms);
  const outcome = await Promise.race([
    running.then(
      (value) => ({ value }),
      () => null,
    ),
    // Work that cannot be aborted (a send of kafkajs) continues in the background.
    sleep(handover_ms + 1_000, null, { ref: false }),
  ]);
  clearTimeout(late);
  // A caller that stops in order still gets the result of finished work.
  if (outcome !== null && leave.aborted) return outcome.value;
  throw new Leaving(leaving.reason);
}

async function beat(alive: () => Promise<void>, until: AbortSignal): Promise<void> {
  while (!until.aborted) {
    await alive();
    await sleep(limits.consume.alive_ms, undefined, { signal: until }).catch(() => {});
  }
}

/**
 * Waits longer and longer. It logs a warning when it starts or its reason changes, and a line when it is
 * over.
 */
export class Patience {
  private pause_ms = 0;
  private readonly trouble: Trouble;

  constructor(subject: string) {
    this.trouble = new Trouble(`${subject} goes on.`, { for: subject });
  }

  /** The reason of the wait, or null. */
  get waiting(): string | null {
    return this.trouble.reason;
  }

  /** @param fixed_ms a pause instead of the growing one @throws Leaving */
  async wait(
    error: AfterlogError,
    alive: () => Promise<void>,
    leave: AbortSignal,
    fixed_ms?: number,
  ): Promise<void> {
    this.trouble.begins(error);
    const grown_ms = Math.min(
      Math.max(this.pause_ms * 2, limits.send.retry_first_ms),
      limits.send.retry_longest_ms,
    );
    if (fixed_ms === undefined) this.pause_ms = grown_ms;
    await during((signal) => sleep(fixed_ms ?? grown_ms, undefined, { signal }), alive, leave, 0);
  }

  /** Something succeeded: the next wait begins with a short pause. */
  over(): void {
    this.trouble.ends();
    this.pause_ms = 0;
  }
}
