import { crashPoint } from '../base/crash_point.ts';
import { isRefused } from '../base/errors.ts';
import { Trouble, unwritable } from '../base/faults.ts';
import { limits } from '../base/limits.ts';
import type { Spool, SpooledPayload } from '../spool/spool.ts';
import type { Batch } from '../wire/header.ts';
import { fromSpool } from '../wire/spooled.ts';

/**
 * A destination of batches. `deliver` resolves when all have arrived or are set aside, however long it takes.
 */
export interface Destination {
  /** The largest sum of values for one `deliver`. */
  readonly send_bytes_max: number;
  deliver(batches: Batch[]): Promise<void>;
  /** The reason of a wait, as one sentence; null if there is none. */
  waiting(): string | null;
  /** A running `deliver` gives up soon and rejects; the next agent sends its batches again. */
  close(): Promise<void>;
}

/** Events for the agent that started the sender. */
export interface SenderEvents {
  /** Batches have arrived: the spool has more room. */
  arrived(): void;
  /**
   * The spool is damaged: nothing behind the damage is sent until it is mended. Called again if that fails.
   */
  damaged(): void;
}

/** Sends batches from the spool in order, one send in flight, and reports delivered ones to the spool. */
export class Sender {
  readonly counts = { batches: 0, rows: 0 };
  private readonly spool: Spool;
  private readonly destination: Destination;
  private readonly events: SenderEvents;
  private readonly trouble = new Trouble('The spool is read again.');
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
      const payloads = this.read();
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

  /** The next payloads; none while the spool cannot be read. */
  private read(): SpooledPayload[] {
    try {
      const payloads = this.spool.read(limits.send.batches_max, this.destination.send_bytes_max);
      this.trouble.ends();
      return payloads;
    } catch (error) {
      if (!isRefused(error)) throw error;
      // Payloads before the one that failed were read, too, and are not sent.
      this.spool.rewind();
      this.trouble.begins(unwritable('The spool cannot be read now', error));
      return [];
    }
  }

  /** Waits at most `ms` until the spool is empty, then ends. */
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
