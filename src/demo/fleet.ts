import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { limits } from '../config/limits.ts';
import { reasonOf } from '../errors.ts';
import { takeFolder } from './fleet_folder.ts';
import { createRandom, type Random } from './random.ts';
import { createSandboxFiles, type Log, type SandboxFiles, type Written } from './sandbox_files.ts';
import { drawPlan, type Plan, play, type Step } from './scenarios.ts';

export interface FleetOptions {
  /** The runtime's folder; the fleet owns `vms/` in it. */
  data_dir: string;
  /** The same seed draws the same sandboxes; default: another each time, so that no id comes back. */
  seed?: number;
  /** Lines a second of the running programs together, roughly; boots come on top. */
  rate?: number;
  /** Sandboxes alive at a time. */
  alive?: number;
  /** Keep what was written to deleted sandboxes until `forget`. */
  ledger?: boolean;
  rotate_bytes?: number;
}

export type State = 'running' | 'crashed' | 'deleted';
export interface FleetStatus {
  started: number;
  alive: number;
  deleted: number;
  crashed: number;
  bytes: number;
  lines: number;
  rotations: number;
  truncations: number;
  /** The last sandboxes by start, newest first. */
  recent: { id: string; scenario: string; state: State }[];
  /** Why a sandbox could not be written, null if none. */
  last_error: string | null;
}
/** A deleted sandbox, and what was written to its logs. */
export interface Finished {
  id: string;
  deleted_at_ms: number;
  written: Record<Log, Written>;
}
export interface Fleet {
  status(): FleetStatus;
  /** Deleted sandboxes, oldest first, that nobody has said `forget` to (empty without `ledger`). */
  finished(): Finished[];
  forget(id: string): void;
  /** What was written to the sandboxes that are not deleted; their files are left as they are after `stop`. */
  living(): { id: string; written: Record<Log, Written> }[];
  stop(): Promise<void>;
}

/**
 * Runs sandboxes that are files only: it boots, chatters, rotates, wakes, crashes and deletes them in real time.
 * Sandboxes of an earlier run are deleted first, as a runtime does after a reboot.
 * @throws AfterlogError DEMO_DIR_FOREIGN if `vms/` holds sandboxes that no fleet made
 */
export async function startFleet(options: FleetOptions): Promise<Fleet> {
  const { data_dir, rate = 300, alive = 16, rotate_bytes = limits.demo_rotate_bytes } = options;
  takeFolder(data_dir);
  const random = createRandom(options.seed ?? Date.now());
  const ended = new AbortController();
  const sandboxes = new Map<string, SandboxFiles>();
  let finished: Finished[] = [];
  const status: FleetStatus = {
    ...{ started: 0, alive: 0, deleted: 0, crashed: 0, bytes: 0, lines: 0, rotations: 0, truncations: 0 },
    recent: [],
    last_error: null,
  };

  const runOne = async (plan: Plan, own: Random): Promise<void> => {
    const seen = { id: plan.id, scenario: plan.scenario, state: 'running' as State };
    status.recent = [seen, ...status.recent].slice(0, limits.demo_recent_max);
    const files = createSandboxFiles(join(data_dir, 'vms', plan.id), rotate_bytes);
    sandboxes.set(plan.id, files);
    status.started++;
    status.alive++;
    try {
      for (const step of play(plan, own, Date.now)) {
        await carryOut(step, plan.id, files, ended.signal, (what) => {
          if (what === 'crashed') seen.state = 'crashed';
          status[what]++;
        });
      }
      files.event(eventLine(plan.id, 'sandbox.deleted', {}));
      files.remove();
      seen.state = 'deleted';
      status.deleted++;
      if (options.ledger) {
        finished = [...finished, { id: plan.id, deleted_at_ms: Date.now(), written: files.written }];
        finished = finished.slice(-limits.demo_ledger_max);
      }
    } finally {
      // Ended by `stop`, a sandbox stays as it is: a host that goes down deletes nothing.
      if (ended.signal.aborted && seen.state !== 'deleted') files.close();
      else {
        files.remove();
        sandboxes.delete(plan.id);
        addWritten(status, files);
      }
      status.alive--;
    }
  };
  const slot = async (number: number): Promise<void> => {
    await pause(number * 120, ended.signal);
    while (!ended.signal.aborted) {
      const own = random.fork();
      try {
        await runOne(drawPlan(own, (1000 * alive) / rate), own);
      } catch (error) {
        if (ended.signal.aborted) return;
        status.last_error = reasonOf(error);
      }
      await pause(own.int(100, 900), ended.signal);
    }
  };
  const slots = Array.from({ length: alive }, (_, number) => slot(number).catch(() => {}));
  return {
    status: () => {
      const now = { ...status };
      for (const files of sandboxes.values()) addWritten(now, files);
      return now;
    },
    finished: () => finished,
    forget: (id) => {
      finished = finished.filter((sandbox) => sandbox.id !== id);
    },
    living: () => [...sandboxes].map(([id, files]) => ({ id, written: files.written })),
    stop: async () => {
      ended.abort();
      await Promise.all(slots);
    },
  };
}

async function carryOut(
  step: Step,
  id: string,
  files: SandboxFiles,
  signal: AbortSignal,
  count: (what: 'crashed' | 'truncations') => void,
): Promise<void> {
  switch (step.do) {
    case 'wait':
      return await sleep(step.ms, undefined, { signal });
    case 'console':
      return files.console(step.bytes);
    case 'vmm':
      return files.vmm(step.text);
    case 'event':
      return files.event(eventLine(id, step.type, step.payload));
    case 'copy_truncate':
      files.copyTruncate();
      return count('truncations');
    case 'wake':
      files.wake();
      return count('truncations');
    case 'crashed':
      return count('crashed');
  }
}

function eventLine(id: string, type: string, payload: Record<string, unknown>): string {
  return `${JSON.stringify({ time: new Date().toISOString(), sandbox_id: id, type, payload })}\n`;
}

function addWritten(sum: FleetStatus, files: SandboxFiles): void {
  for (const written of Object.values(files.written)) {
    sum.bytes += written.bytes;
    sum.lines += written.lines;
  }
  sum.rotations += files.rotations;
}

const pause = async (ms: number, signal: AbortSignal): Promise<void> => {
  await sleep(ms, undefined, { signal }).catch(() => {});
};
