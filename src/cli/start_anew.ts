import { EARLIER_FAULTS, earlierFaults, sinceBoot_ms, textOf } from '../base/earlier_faults.ts';
import { AfterlogError, reasonOf } from '../base/errors.ts';
import { report } from '../base/faults.ts';
import { limits } from '../base/limits.ts';

/** What a running role needs before its process starts anew. */
interface Running {
  role: string;
  /** Ends the processes that it started. */
  endChildren(): Promise<unknown>;
}

let running: Running | null = null;
let isStartingAnew = false;

/**
 * From now on an unforeseen exception does not end this process: it starts anew, from what is durable. Nobody
 * knows what the exception left half done in memory, so nothing of it is kept, as after a kill.
 */
export function startAnewOnFault(role: string, endChildren: Running['endChildren'] = async () => {}): void {
  running = { role, endChildren };
}

/** The role stops: what goes wrong from now on ends the process. */
export function endOnFault(): void {
  running = null;
}

/**
 * Logs and counts an unforeseen exception, and starts the role anew in this process, which keeps its pid.
 * @returns false if the process has to end: no role runs, the faults repeat, or the system cannot do it
 */
export async function startAnew(thrown: unknown): Promise<boolean> {
  if (running === null) return false;
  // Its parts still run for a moment, and each may fail at the first fault's traces.
  if (isStartingAnew) return true;
  isStartingAnew = true;
  const { role, endChildren } = running;
  const { count, at_ms } = earlierFaults();
  const now_ms = sinceBoot_ms();
  const recent = [...at_ms, now_ms].filter((at) => now_ms - at < limits.role.faults_within_ms);
  const repeats = recent.length > limits.role.faults_max;
  const can = !repeats && process.execve !== undefined;
  const then = can
    ? 'It starts anew, from what is durable'
    : repeats
      ? `It is number ${recent.length} within ${limits.role.faults_within_ms / 60_000} minutes, so it ends`
      : `This Node.js cannot start a process anew, so it ends`;
  const what = `\`afterlog ${role}\` met a fault that nobody foresaw: ${reasonOf(thrown)}. ${then}.`;
  const stack = thrown instanceof Error ? thrown.stack : undefined;
  report(new AfterlogError('ROLE_FAULT', what, thrown), { role, faults: count + 1, stack }, 'error');
  await endChildren();
  if (!can) return false;
  process.env[EARLIER_FAULTS] = textOf({ count: count + 1, at_ms: recent });
  const args = [process.execPath, ...process.execArgv, ...process.argv.slice(1)];
  process.execve!(process.execPath, args, process.env);
  return true;
}
