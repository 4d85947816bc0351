import { settlesWithin } from '../base/child_process.ts';
import { reasonOf } from '../base/errors.ts';
import { limits } from '../base/limits.ts';

/** Something that runs until it is stopped. */
export interface Part {
  stop?(): unknown;
  /** Ends it at once; only for a part that would outlive this process. */
  kill?(): void;
}

/** Started parts; they stop in reverse order. */
export interface Parts {
  /**
   * Starts a part and prints its progress, then the time that the start took.
   * @throws the errors of `begin`
   */
  start<P extends Part>(
    name: string,
    waits_for: string,
    begin: (say: (text: string) => void) => Promise<P> | P,
    outcome?: (part: P) => string,
  ): Promise<P>;
  /**
   * Adds a step for the end: it runs after all parts that were started later have stopped. '' as name hides
   * it.
   */
  atEnd(name: string, stop: () => unknown, says?: string): void;
  stopAll(): Promise<void>;
  killAll(): void;
}

export function createParts(out: { step(line: string): void; print(line: string): void }): Parts {
  const started: { name: string; part: Part; says?: string }[] = [];
  return {
    start: async (name, waits_for, begin, outcome) => {
      const from_ms = performance.now();
      const say = (text: string): void => out.step(`  ${name}: ${text}`);
      say(waits_for);
      const part = await begin(say);
      started.push({ name, part });
      const seconds = ((performance.now() - from_ms) / 1000).toFixed(1);
      out.print(`  ${name}: ${outcome ? `${outcome(part)}, ` : ''}ready after ${seconds} s`);
      return part;
    },
    atEnd: (name, stop, says = 'stopping') => {
      started.push({ name, part: { stop }, says });
    },
    stopAll: async () => {
      for (let last = started.pop(); last !== undefined; last = started.pop()) {
        const { name, part, says = 'stopping' } = last;
        if (!part.stop) continue;
        if (name !== '') out.step(`  ${name}: ${says}`);
        const stopping = Promise.resolve(part.stop()).catch((error: unknown) => {
          out.print(`  ${name}: failed to stop cleanly: ${reasonOf(error)}`);
        });
        if (await settlesWithin(stopping, limits.server.part_stop_ms)) continue;
        out.print(
          `  ${name}: not stopped after ${limits.server.part_stop_ms / 1000} s, continuing without it`,
        );
        part.kill?.();
      }
    },
    killAll: () => {
      for (const { part } of started) part.kill?.();
    },
  };
}
