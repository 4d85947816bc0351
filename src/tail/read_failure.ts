import { AfterlogError, reasonOf } from '../base/errors.ts';

/** A read that the system refused. */
export class ReadFailure extends Error {
  /** Whether the read before did not fail, or failed for another reason. */
  readonly isNew: boolean;

  constructor(reason: string, isNew: boolean, cause: unknown) {
    super(reason, { cause });
    this.isNew = isNew;
  }
}

/** A read that cannot go on before its folder is seen. */
export const notSeen = (why: Error): AfterlogError =>
  new AfterlogError('FILE_UNREADABLE', `its folder cannot be seen: ${reasonOf(why)}`, why);
