import { AfterlogError, type ErrorCode, reasonOf } from './errors.ts';
import { limits } from './limits.ts';
import { log } from './log.ts';

/**
 * The way of faults into our log: each line has a code of the catalogue, a sentence with the cure, and fields
 * for machines. No line contains text of a guest.
 */

/** The message and the cure as one line. */
function lineOf({ message, cure }: AfterlogError): string {
  return `${message}${/[.!?]$/.test(message) ? '' : '.'} ${cure}`;
}

/** Lines of one code in the current minute. */
interface Burst {
  lines: number;
  left_out: number;
}
const bursts = new Map<ErrorCode, Burst>();

/**
 * Logs a fault that does not last: one line each, unless so many come that they would hide everything else.
 * Then they are counted, and one line reports their number.
 */
export function report(error: AfterlogError, fields: object = {}, level: 'warn' | 'error' = 'warn'): void {
  const burst = bursts.get(error.code) ?? begin(error.code);
  if (burst.lines++ < limits.log.burst_lines) log[level]({ code: error.code, ...fields }, lineOf(error));
  else burst.left_out++;
}

function begin(code: ErrorCode): Burst {
  const burst = { lines: 0, left_out: 0 };
  bursts.set(code, burst);
  setTimeout(() => {
    bursts.delete(code);
    const { left_out } = burst;
    if (left_out > 0) log.warn({ code, left_out }, `${left_out} more of these were not written here.`);
  }, limits.log.burst_ms).unref();
  return burst;
}

/** The faults that last now in this process. */
const lasting = new Map<Trouble, AfterlogError>();

/**
 * A fault that lasts: one line when it begins or changes, one when it is over, and none in between. Many
 * parts may meet the same fault (if ClickHouse is away, every partition does): the first part logs it, and it
 * is over with the last.
 */
export class Trouble {
  private readonly over: string;
  private readonly fields: object;

  /** @param over the sentence that is logged when it is over @param fields of each of its lines */
  constructor(over: string, fields: object = {}) {
    this.over = over;
    this.fields = fields;
  }

  /** The current fault as one sentence with its code; null if there is none. */
  get reason(): string | null {
    const now = lasting.get(this);
    return now === undefined ? null : `${now.message} [${now.code}]`;
  }

  begins(error: AfterlogError): void {
    const { code, message } = error;
    const isLogged =
      lasting.get(this)?.code === code ||
      [...lasting.values()].some((other) => other.code === code && other.message === message);
    lasting.set(this, error);
    log[isLogged ? 'debug' : 'warn']({ code, ...this.fields }, lineOf(error));
  }

  ends(): void {
    const code = lasting.get(this)?.code;
    if (code === undefined) return;
    lasting.delete(this);
    if ([...lasting.values()].some((other) => other.code === code)) return;
    log.info({ over: code, ...this.fields }, this.over);
  }
}

/** The fault of a failed write to the state dir. */
export function unwritable(what: string, error: unknown): AfterlogError {
  const { code = '' } = error as NodeJS.ErrnoException;
  const isFull = ['ENOSPC', 'EDQUOT', 'DISK_FULL'].includes(code);
  return new AfterlogError(isFull ? 'DISK_FULL' : 'STATE_DIR_UNUSABLE', `${what}: ${reasonOf(error)}`, error);
}
