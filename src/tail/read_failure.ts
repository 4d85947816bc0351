import type { LogTail } from './log_tail.ts';

/** A read that the system refused; `isNew` when it failed differently, or not at all, before. */
export class ReadFailure extends Error {
  readonly isNew: boolean;
  constructor(tail: LogTail, reason: string, isNew: boolean) {
    super(`${tail.key}: ${reason}`);
    this.isNew = isNew;
  }
}
