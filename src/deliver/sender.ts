import { crashPoint } from '../base/crash_point.ts';
import { limits } from '../base/limits.ts';
import type { Spool } from '../spool/spool.ts';
import type { Batch } from '../wire/header.ts';
import { fromSpool } from '../wire/spooled.ts';

/** Where batches go. `deliver` resolves when all have arrived (or are set aside for good), however long it takes. */
export interface Destination {
  /** Sum of the values of one `deliver`. */
  readonly send_bytes_max: number;
  deliver(batches: Batch[]): Promise<void>;
  /** What is waited for, as one sentence; null while all is well. */
  waiting(): string | null;
  /** A running `deliver` gives up soon and rejects; what it held is sent again by the next agent. */
  close(): Promise<void>;
}

/** What the sender tells whoever started it. */
export interface SenderEvents {
  /** Batches have arrived: there is more room in the spool. */
  arrived(): void;
  /** The spool holds damage: until something stands for it, nothing after it is sent. Tried again when it fails. */
  damaged(): void;
}

/** Takes batches from the spool in order, one send in flight, and tells the spool what has arrived. */
export class Sender {
  readonly counts = { batches: 0, rows: 0 };
  private readonly spool: Spool;
  private readonly destination: Destination;
  private readonly events: SenderEvents;
  private isStopped = false;
  private running: Promise<void> = Promise.resolve();

  constructor(spool: Spool, destination: Destination, events: SenderEvents) {
    this.spool = spool;
    this.destination = destination;
    this.events = events;
  }

  start(): void {
    this.running = this.run();
  }

  private async run(): Promise<void> {
    while (!this.isStopped) {
      const payloads = this.spool.read(limits.send.batches_max, this.destination.send_bytes_max);
      if (payloads.length === 0) {
        if (this.spool.broken.size > 0) this.events.damaged();
        await this.spool.waitForMore(limits.tail.reconcile_ms);
        continue;
      }
      crashPoint('sender.read');
      const batches = payloads.map(({ payload }) => fromSpool(payload));
      try {
        await this.destination.deliver(batches);
      } catch (error) {
        if (this.isStopped) return;
        throw error;
      }
      crashPoint('sender.delivered');
      const bytes = payloads.reduce((sum, { payload }) => sum + payload.length, 0);
      this.spool.delivered(payloads.at(-1)!.after, bytes);
      this.counts.batches += batches.length;
      this.counts.rows += batches.reduce((sum, { header }) => sum + header.rows, 0);
      this.events.arrived();
    }
  }

  /** Waits until the spool is empty, at most `ms`, then ends. */
  async stop(ms: number): Promise<void> {
    const until = performance.now() + ms;
    while (this.spool.undelivered_bytes > 0 && performance.now() < until) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    this.isStopped = true;
    await this.destination.close();
    await this.running;
  }
}
