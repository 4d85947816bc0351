import type { AfterlogError } from '../base/errors.ts';
import { explain } from '../base/errors.ts';
import { limits } from '../base/limits.ts';

/**
 * Says on stderr what a follower leaves out, and counts it. Anybody who may produce can cause it, so it says
 * only the first one of each `limits.topic.told_ms`, with the sum.
 */
export class LeftOut {
  private count = 0;
  private told = 0;
  private told_ms = Number.NEGATIVE_INFINITY;

  /** @param what such as `Message 7 of topic/0` */
  add(what: string, reason: AfterlogError): void {
    this.count++;
    const now_ms = performance.now();
    if (now_ms - this.told_ms < limits.topic.told_ms) return;
    this.told_ms = now_ms;
    this.told = this.count;
    console.error(`${what} is left out (${this.count} so far). ${explain(reason)}`);
  }

  /** The sum, if the last message was not told. */
  end(): void {
    if (this.told < this.count) console.error(`${this.count} messages and rows were left out.`);
  }
}
