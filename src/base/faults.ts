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
const bursts = new Map<string, Burst>();

/**
 * Logs a fault that does not last: one line each, unless so many come that they would hide everything else.
 * Then they are counted, and one line reports their number.
 */
export function report(error: AfterlogError, fields: object = {}, level: 'warn' | 'error' = 'warn'): void {
  const { code } = error;
  inBurst({ code }, () => log[level]({ code, ...fields }, lineOf(error)));
}

/** Logs that a fault is over, within the same bounds. */
function reportOver(over: ErrorCode, fields: object, text: string): void {
  inBurst({ over }, () => log.info({ over, ...fields }, text));
}

function inBurst(kind: { code: ErrorCode } | { over: ErrorCode }, write: () => void): void {
  const key = Object.entries(kind).join();
  const burst = bursts.get(key) ?? begin(key, kind);
  if (burst.lines++ < limits.log.burst_lines) write();
  else burst.left_out++;
}

function begin(key: string, kind: object): Burst {
  const burst = { lines: 0, left_out: 0 };
  bursts.set(key, burst);
  setTimeout(() => {
    bursts.delete(key);
    const { left_out } = burst;
    if (left_out > 0) log.warn({ ...kind, left_out }, `${left_out} more of these were not written here.`);
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

/**
 * Faults of one kind that last, of many things: of each thing one line when its fault begins or changes, and
 * one when it is over, unless so many come at once that they are only counted.
 */
export class Troubles {
  private readonly now = new Map<string, AfterlogError>();

  /** @returns whether it is said now for the first time */
  begins(path: string, error: AfterlogError): boolean {
    if (this.now.get(path)?.message === error.message) return false;
    this.now.set(path, error);
    report(error, { path });
    return true;
  }

  /** @param text the sentence that is logged if there was a fault */
  ends(path: string, text: string): void {
    const error = this.now.get(path);
    if (error === undefined) return;
    this.now.delete(path);
    reportOver(error.code, { path }, text);
  }

  /** The thing is gone, and its fault with it. */
  forget(path: string): void {
    this.now.delete(path);
  }

  /** Of any of the things; null if there is none. */
  get any(): AfterlogError | null {
    return this.now.values().next().value ?? null;
  }
}

/** The fault of a failed write to the state dir, or to the folder of the pins. */
export function unwritable(
  what: string,
  error: unknown,
  unusable: 'STATE_DIR_UNUSABLE' | 'PINS_UNUSABLE' = 'STATE_DIR_UNUSABLE',
): AfterlogError {
  const { code = '' } = error as NodeJS.ErrnoException;
  const isFull = ['ENOSPC', 'EDQUOT', 'DISK_FULL'].includes(code);
  return new AfterlogError(isFull ? 'DISK_FULL' : unusable, `${what}: ${reasonOf(error)}`, error);
}
