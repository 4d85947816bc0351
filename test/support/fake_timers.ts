import { syncBuiltinESMExports } from 'node:module';
import timers from 'node:timers/promises';

interface Timer {
  at_ms: number;
  every_ms: number | null;
  run: () => void;
}

const real = {
  setTimeout,
  clearTimeout,
  setInterval,
  clearInterval,
  setImmediate,
  clearImmediate,
};
const realSleep = timers.setTimeout;
const realSignal = AbortSignal.timeout;

/**
 * Fake timers in all forms that the product uses; only `advance` moves time. (Those of `node:test` lose a
 * timer when another one is cleared after it has fired.)
 */
export class FakeTimers {
  private now_ms = 0;
  private pending = new Set<Timer>();
  beforeImmediate = (): void => {};

  install(): void {
    const add = (run: () => void, ms: number, every_ms: number | null = null): object => {
      const timer: Timer & { unref?: () => object } = { at_ms: this.now_ms + ms, every_ms, run };
      timer.unref = () => timer;
      this.pending.add(timer);
      return timer;
    };
    const clear = (timer: unknown): boolean => this.pending.delete(timer as Timer);
    Object.assign(globalThis, {
      setTimeout: (run: () => void, ms = 0) => add(run, ms),
      setInterval: (run: () => void, ms: number) => add(run, ms, ms),
      // A turn of the event loop takes time, so that code that always waits for the next turn does not hang
      // the test.
      setImmediate: (run: () => void) => {
        const immediate = (): void => {
          this.beforeImmediate();
          run();
        };
        return add(immediate, 1);
      },
      clearTimeout: clear,
      clearInterval: clear,
      clearImmediate: clear,
    });
    timers.setTimeout = ((ms: number, value: unknown) =>
      new Promise<unknown>((done) => add(() => done(value), ms))) as typeof timers.setTimeout;
    AbortSignal.timeout = (ms) => {
      const controller = new AbortController();
      add(() => controller.abort(), ms);
      return controller.signal;
    };
    syncBuiltinESMExports();
  }

  uninstall(): void {
    this.clear();
    Object.assign(globalThis, real);
    timers.setTimeout = realSleep;
    AbortSignal.timeout = realSignal;
    syncBuiltinESMExports();
  }

  /** Drops all timers, like the end of a process. */
  clear(): void {
    this.pending.clear();
  }

  /** Runs all timers that are due by then, in order, including new ones. */
  advance(ms: number): void {
    const until_ms = this.now_ms + ms;
    for (;;) {
      let next: Timer | null = null;
      for (const timer of this.pending) if (next === null || timer.at_ms < next.at_ms) next = timer;
      if (next === null || next.at_ms > until_ms) break;
      this.now_ms = Math.max(this.now_ms, next.at_ms);
      if (next.every_ms === null) this.pending.delete(next);
      else next.at_ms += next.every_ms;
      next.run();
    }
    this.now_ms = until_ms;
  }
}
