import { limits } from '../base/limits.ts';

/**
 * How often one name was pinned lately. A name shows a new file after a rotation, and never hundreds a
 * second: else the file system shows a file under another identity at each look.
 */
export class PinPace {
  private readonly counts = new Map<string, number>();
  private until_ms = 0;

  /** @throws if the name was pinned too often within a second */
  take(name: string): void {
    const now_ms = performance.now();
    if (now_ms >= this.until_ms) {
      this.counts.clear();
      this.until_ms = now_ms + 1_000;
    }
    const count = (this.counts.get(name) ?? 0) + 1;
    const max = limits.tail.pins_per_name_per_s;
    if (count > max)
      throw Object.assign(new Error(`it showed a new file over ${max} times in a second: the rest waits`), {
        syscall: 'link',
      });
    this.counts.set(name, count);
  }
}
