import type { Finished, Fleet } from './fleet.ts';

/** Sandboxes that the demo's commands name. They stay the same for as long as they serve: somebody is copying them. */
export interface Examples {
  /** Deleted, and whole in ClickHouse. */
  deleted: { id: string; failed: boolean } | null;
  /** Runs, and for some time yet if there is such a one. */
  running: string | null;
}

export function createExamples(fleet: Pick<Fleet, 'living'>) {
  const examples: Examples = { deleted: null, running: null };
  return {
    /** A deleted sandbox was found whole. The first one serves until there is one that failed: its last words are worth more. */
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
