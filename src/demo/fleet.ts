import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { reasonOf } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import { takeFolder } from './fleet_folder.ts';
import type { Happening } from './happenings.ts';
import { createRandom, type Random } from './random.ts';
import { createSandboxFiles, type Log, type SandboxFiles, type Written } from './sandbox_files.ts';
import { drawPlan, type Plan, play, type Step } from './scenarios.ts';

export interface FleetOptions {
  /** The data dir; the fleet owns `vms/` in it. */
  data_dir: string;
  /** The same seed gives the same sandboxes. The default is the current time, so that no id is reused. */
  seed?: number;
  /** Approximate lines per second of all running programs; the lines of boots are extra. */
  rate?: number;
  /** Number of sandboxes alive at a time. */
  alive?: number;
  /** Keep the counts of deleted sandboxes until `forget`. */
  ledger?: boolean;
  rotate_bytes?: number;
  /** Called for each happening except deletions, whose result is known only after the comparison. */
  told?: (happening: Happening) => void;
}

export interface FleetStatus {
  started: number;
  alive: number;
  deleted: number;
  /** Number of started sandboxes that failed. */
  failed: number;
  bytes: number;
  lines: number;
  rotations: number;
  truncations: number;
  /** Why the files of a sandbox could not be written; null if there was no error. */
  last_error: string | null;
}
/** A deleted sandbox and the counts of its logs. */
export interface Finished {
  id: string;
  started_at_ms: number;
  deleted_at_ms: number;
  failed: boolean;
  written: Record<Log, Written>;
}
export interface Fleet {
  status(): FleetStatus;
  /** Deleted sandboxes that were not forgotten, oldest first; empty without `ledger`. */
  finished(): Finished[];
  forget(id: string): void;
  /**
   * The sandboxes that are not deleted, in the order of their start; `until_ms` is the approximate time of
   * their deletion. `stop` leaves their files in place.
   */
  living(): { id: string; until_ms: number; written: Record<Log, Written> }[];
  stop(): Promise<void>;
}

/**
 * Simulates sandboxes, which are only files: they boot, write, rotate, wake, crash and are deleted in real
 * time. Sandboxes of an earlier run are deleted first, as a runtime does after a reboot.
 * @throws AfterlogError DEMO_DIR_FOREIGN if `vms/` contains sandboxes of somebody else
 */
export async function startFleet(options: FleetOptions): Promise<Fleet> {
  const { data_dir, rate = 300, alive = 16, rotate_bytes = limits.demo.rotate_bytes } = options;
  takeFolder(data_dir);
  const random = createRandom(options.seed ?? Date.now());
  const ended = new AbortController();
  const sandboxes = new Map<string, { files: SandboxFiles; until_ms: number }>();
  let finished: Finished[] = [];
  const status: FleetStatus = {
    ...{ started: 0, alive: 0, deleted: 0, failed: 0, bytes: 0, lines: 0, rotations: 0, truncations: 0 },
    last_error: null,
  };

  const runOne = async (plan: Plan, own: Random): Promise<void> => {
    const { id } = plan;
    const { template, workspace } = plan;
    const files = createSandboxFiles(join(data_dir, 'vms', id), rotate_bytes, { id, template, workspace });
    const sandbox = { id, started_at_ms: Date.now(), failed: false };
    sandboxes.set(id, { files, until_ms: sandbox.started_at_ms + plan.life_ms });
    status.started++;
    status.alive++;
    let is_deleted = false;
    try {
      for (const step of play(plan, own, Date.now)) {
        const { rotations } = files;
        await carryOut(step, id, files, ended.signal);
        if (step.do === 'wake' || step.do === 'copy_truncate') status.truncations++;
        if (step.do === 'failed') {
          sandbox.failed = true;
          status.failed++;
        }
        const told = tell(step, plan, files.rotations > rotations, sandbox.started_at_ms);
        if (told !== null) options.told?.({ at_ms: Date.now(), id, ...told });
      }
      files.event(eventLine(id, 'sandbox.deleted', {}));
      files.remove();
      is_deleted = true;
      status.deleted++;
      if (options.ledger) {
        finished = [...finished, { ...sandbox, deleted_at_ms: Date.now(), written: files.written }];
        finished = finished.slice(-limits.demo.ledger_max);
      }
    } finally {
      // `stop` leaves sandboxes in place, as a shutdown of a host does.
      if (ended.signal.aborted && !is_deleted) files.close();
      else {
        files.remove();
        sandboxes.delete(id);
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
        status.last_error = null;
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
      for (const { files } of sandboxes.values()) addWritten(now, files);
      return now;
    },
    finished: () => finished,
    forget: (id) => {
      finished = finished.filter((sandbox) => sandbox.id !== id);
    },
    living: () =>
      [...sandboxes].map(([id, { files, until_ms }]) => ({ id, until_ms, written: files.written })),
    stop: async () => {
      ended.abort();
      await Promise.all(slots);
    },
  };
}

async function carryOut(step: Step, id: string, files: SandboxFiles, signal: AbortSignal): Promise<void> {
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
      return files.copyTruncate();
    case 'wake':
      return files.wake();
    case 'failed':
  }
}

/** The happening of a step; null if it has none. */
function tell(
  step: Step,
  plan: Plan,
  rotated: boolean,
  started_at_ms: number,
): Pick<Happening, 'what' | 'how'> | null {
  const seconds = ((Date.now() - started_at_ms) / 1000).toFixed(1);
  if (step.do === 'event' && step.type === 'sandbox.running') {
    const how = plan.scenario === 'fork' ? 'a warm fork' : `after ${seconds} s`;
    return { what: 'booted', how: `${how}, runs ${plan.program}` };
  }
  if (step.do === 'failed') return { what: 'failed', how: step.reason };
  if (step.do === 'wake') return { what: 'woken', how: 'from hibernation, console truncated' };
  if (rotated) return { what: 'rotated', how: 'console.log became console.log.1' };
  return null;
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
