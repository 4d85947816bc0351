/** A read that the system refused. */
export class ReadFailure extends Error {
  /** Whether the read before did not fail, or failed for another reason. */
  readonly isNew: boolean;

  constructor(log: string, reason: string, isNew: boolean) {
    super(`${log}: ${reason}`);
    this.isNew = isNew;
  }
}
