import type { Finished, Fleet } from './fleet.ts';

/** Sandboxes in the demo's commands. They change rarely, because people copy the commands. */
export interface Examples {
  /** A deleted sandbox that is complete in ClickHouse. */
  deleted: { id: string; failed: boolean } | null;
  /** A running sandbox, at its choice the one with the longest time to live. */
  running: string | null;
}

export function createExamples(fleet: Pick<Fleet, 'living'>) {
  const examples: Examples = { deleted: null, running: null };
  return {
    /**
     * A deleted sandbox is complete. The first one is kept until one that failed, whose last lines are more
     * useful.
     */
    whole(sandbox: Pick<Finished, 'id' | 'failed'>): void {
      if (examples.deleted === null || (sandbox.failed && !examples.deleted.failed)) {
        examples.deleted = { id: sandbox.id, failed: sandbox.failed };
      }
    },
    look(): Examples {
      const living = fleet.living();
      if (!living.some(({ id }) => id === examples.running)) {
        examples.running = living.toSorted((a, b) => b.until_ms - a.until_ms)[0]?.id ?? null;
      }
      return { ...examples };
    },
  };
}
