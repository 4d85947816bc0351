import { limits } from '../base/limits.ts';

/** Something that happened to a sandbox, as the demo tells it. */
export interface Happening {
  at_ms: number;
  id: string;
  what: 'booted' | 'failed' | 'woken' | 'rotated' | 'deleted' | 'lost';
  /** A few words more. */
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
 * A calm list of what happens: of all that was added since, each look takes one, the most telling, and not the
 * same kind twice if there is another.
 */
export function createHappenings() {
  let waiting: Happening[] = [];
  let shown: Happening[] = [];
  let taken_ms = Number.NEGATIVE_INFINITY;
  return {
    add(happening: Happening): void {
      waiting = [...waiting, happening].slice(-limits.demo.recent_max);
    },
    /** Oldest first. A new one comes at most every `demo_happening_ms`. */
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
