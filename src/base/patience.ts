import { setTimeout as sleep } from 'node:timers/promises';
import { AfterlogError, type ErrorCode } from './errors.ts';
import { Trouble } from './faults.ts';
import { limits } from './limits.ts';

/** Thrown through a retry loop to end it: the caller was told to leave, or `alive` failed. */
export class Leaving extends Error {
  constructor(cause: unknown) {
    super('leaving', { cause });
  }
}

/**
 * Runs `work` and says `alive` at once and every `alive_ms` while it runs. If `alive` throws, or `leave` aborts,
 * the work has `handover_ms` to end by itself; then it is aborted, and its fate is open.
 * @throws Leaving if `alive` threw (even if the work ended well) or `leave` came first; else what `work` throws
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
  const told = beat(alive, AbortSignal.any([leave, ended.signal])).then(
    () => (leave.aborted ? { reason: leave.reason as unknown } : null),
    (error: unknown) => ({ reason: error }),
  );
  // A failure of `running` is seen by the await below; without this it would be unhandled for a moment.
  running.catch(() => {});
  const leaving = await Promise.race([
    told,
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
    // Work that cannot be aborted (a send of kafkajs) is left to itself.
    sleep(handover_ms + 1_000, null, { ref: false }),
  ]);
  clearTimeout(late);
  // Whoever stops in order still takes note of what was done.
  if (outcome !== null && leave.aborted) return outcome.value;
  throw new Leaving(leaving.reason);
}

async function beat(alive: () => Promise<void>, until: AbortSignal): Promise<void> {
  while (!until.aborted) {
    await alive();
    await sleep(limits.consume.alive_ms, undefined, { signal: until }).catch(() => {});
  }
}

/** Waiting that grows, and says so once: a warning when it starts or its reason changes, a line when it is over. */
export class Patience {
  private pause_ms = 0;
  private readonly trouble: Trouble;

  constructor(subject: string) {
    this.trouble = new Trouble(`${subject} goes on.`, { for: subject });
  }

  /** What is waited for, or null. */
  get waiting(): string | null {
    return this.trouble.reason;
  }

  /** @param fixed_ms instead of the pause that grows @throws Leaving */
  async wait(
    code: ErrorCode,
    sentence: string,
    alive: () => Promise<void>,
    leave: AbortSignal,
    fixed_ms?: number,
  ): Promise<void> {
    this.trouble.begins(new AfterlogError(code, sentence));
    const grown_ms = Math.min(
      Math.max(this.pause_ms * 2, limits.send.retry_first_ms),
      limits.send.retry_longest_ms,
    );
    if (fixed_ms === undefined) this.pause_ms = grown_ms;
    await during((signal) => sleep(fixed_ms ?? grown_ms, undefined, { signal }), alive, leave, 0);
  }

  /** Something went through. */
  over(): void {
    this.trouble.ends();
    this.pause_ms = 0;
  }
}
