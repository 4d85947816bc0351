import { AfterlogError, type ErrorCode, reasonOf } from './errors.ts';
import { limits } from './limits.ts';
import { log } from './log.ts';

/**
 * How faults come into our log: each line has a code of the catalogue, a sentence with the cure, and fields for what
 * a machine may look for. Text of a guest is in none of them.
 */

/** What happened and what to do, as one line. */
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
 * A fault that is over as soon as it is said: a line for each, unless so many come that they would hide everything
 * else. Then they are counted, and their number is said.
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

/** What lasts now in this process. */
const lasting = new Map<Trouble, AfterlogError>();

/**
 * A fault that lasts: one line when it begins or becomes another one, one when it is over, none between. Many parts
 * may meet the same fault (each partition meets a ClickHouse that is away): it is said by the first, and is over with
 * the last.
 */
export class Trouble {
  private readonly over: string;
  private readonly fields: object;

  /** @param over the sentence when it is over @param fields of each of its lines */
  constructor(over: string, fields: object = {}) {
    this.over = over;
    this.fields = fields;
  }

  /** What is wrong, as one sentence with its code; null while all is well. */
  get reason(): string | null {
    const now = lasting.get(this);
    return now === undefined ? null : `${now.message} [${now.code}]`;
  }

  begins(error: AfterlogError): void {
    const { code, message } = error;
    const isSaid =
      lasting.get(this)?.code === code ||
      [...lasting.values()].some((other) => other.code === code && other.message === message);
    lasting.set(this, error);
    log[isSaid ? 'debug' : 'warn']({ code, ...this.fields }, lineOf(error));
  }

  ends(): void {
    const code = lasting.get(this)?.code;
    if (code === undefined) return;
    lasting.delete(this);
    if ([...lasting.values()].some((other) => other.code === code)) return;
    log.info({ over: code, ...this.fields }, this.over);
  }
}

/** What went wrong when something in the state dir was to be written. */
export function unwritable(what: string, error: unknown): AfterlogError {
  const { code = '' } = error as NodeJS.ErrnoException;
  const isFull = ['ENOSPC', 'EDQUOT', 'DISK_FULL'].includes(code);
  return new AfterlogError(isFull ? 'DISK_FULL' : 'STATE_DIR_UNUSABLE', `${what}: ${reasonOf(error)}`, error);
}
