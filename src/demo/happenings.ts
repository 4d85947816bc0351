import { limits } from '../base/limits.ts';

/** Something that happened to a sandbox, for the demo's screen. */
export interface Happening {
  at_ms: number;
  id: string;
  what: 'booted' | 'failed' | 'woken' | 'rotated' | 'deleted' | 'lost';
  /** Details. */
  how: string;
}

const interest: Record<Happening['what'], number> = {
  lost: 9,
  failed: 4,
  woken: 3,
  rotated: 2,
  deleted: 1,
  booted: 1,
};

/**
 * A slow list of happenings: of those added since the last look, each look shows only the most interesting
 * one, and prefers another kind than the last.
 */
export function createHappenings() {
  let waiting: Happening[] = [];
  let shown: Happening[] = [];
  let taken_ms = Number.NEGATIVE_INFINITY;
  return {
    add(happening: Happening): void {
      waiting = [...waiting, happening].slice(-limits.demo.recent_max);
    },
    /** The list, oldest first. It gets at most one new entry per `limits.demo.happening_ms`. */
    look(now_ms: number): Happening[] {
      if (waiting.length === 0 || now_ms - taken_ms < limits.demo.happening_ms) return shown;
      const last = shown.at(-1)?.what;
      const telling = ({ what }: Happening): number => interest[what] + (what === last ? 0 : 0.5);
      const next = waiting.toSorted((a, b) => telling(b) - telling(a))[0]!;
      shown = [...shown, next].slice(-limits.demo.happenings_max);
      waiting = [];
      taken_ms = now_ms;
      return shown;
    },
  };
}
export type Happenings = ReturnType<typeof createHappenings>;
