import { catalogue, type ErrorEntry } from './catalogue.ts';
import { harmlessLines } from './text.ts';

export type ErrorCode = keyof typeof catalogue;

export const isErrorCode = (code: string): code is ErrorCode => Object.hasOwn(catalogue, code);

const entryOf = (code: ErrorCode): ErrorEntry => catalogue[code];

/** What to do about an error of this code, if its cause is known also about that. */
export function cureOf(code: ErrorCode, cause?: unknown): string {
  const { cure, cures = [] } = entryOf(code);
  for (let at = cause; at instanceof Error; at = at.cause) {
    // Of the system, of an error here, of the brokers, of ClickHouse.
    const { name, code = '', type = '' } = at as NodeJS.ErrnoException & { type?: string };
    const known = cures.find(({ on }) => [name, code, type].some((one) => on.includes(one)));
    if (known !== undefined) return known.cure;
  }
  return cure;
}

/** The HTTP status of an error of this code; 500 for one that no route should meet. */
export const httpStatusOf = (code: ErrorCode): NonNullable<ErrorEntry['status']> =>
  entryOf(code).status ?? 500;

export class AfterlogError extends Error {
  readonly code: ErrorCode;
  readonly cure: string;

  constructor(code: ErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'AfterlogError';
    this.code = code;
    this.cure = cureOf(code, cause);
  }
}

/** Whether it is a fault of a file or a file system, such as a refused call: none of the program. */
export const isRefused = (error: unknown): boolean =>
  error instanceof AfterlogError || (error as NodeJS.ErrnoException | null)?.syscall !== undefined;

/** One or two lines for a terminal: what happened, and the cure. */
export function explain(error: unknown): string {
  if (error instanceof AfterlogError)
    return harmlessLines(`${error.message} [${error.code}]\n  → ${error.cure}`);
  return harmlessLines(error instanceof Error ? (error.stack ?? error.message) : String(error));
}

/** The shortest true sentence about any thrown value, for log lines. */
export function reasonOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return reasonOf(error.errors[0]);
  return error instanceof Error ? error.message || error.name : String(error);
}
