import { limits } from '../base/limits.ts';
import type { Span } from './event_queue.ts';

/** Pauses of this process: it was stopped, or had no CPU. Polling saw nothing then. */
export class Stalls {
  /** The last pause that was longer than `limits.tail.stall_ms`; null: none. */
  last: Span | null = null;
  private timer: NodeJS.Timeout | null = null;
  private turn_ms = 0;

  begin(): void {
    this.turn_ms = performance.now();
    this.timer = setInterval(() => this.turn(), limits.tail.poll_ms);
    this.timer.unref();
  }

  private turn(): void {
    const now_ms = performance.now();
    const paused_ms = now_ms - this.turn_ms;
    const to_ms = Date.now();
    if (paused_ms > limits.tail.stall_ms) this.last = { from_ms: to_ms - Math.round(paused_ms), to_ms };
    this.turn_ms = now_ms;
  }

  end(): void {
    clearInterval(this.timer!);
    this.timer = null;
  }
}
