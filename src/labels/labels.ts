import { AfterlogError, reasonOf } from '../base/errors.ts';
import { Trouble } from '../base/faults.ts';
import { limits } from '../base/limits.ts';
import { log } from '../base/log.ts';
import type { OpenFolder } from '../base/open_folder.ts';
import { isSandboxId } from '../base/sandbox_id.ts';
import { type Label, labelIn } from './label.ts';
import type { Runtime } from './runtime.ts';

/**
 * File in a sandbox's folder that can hold its label, on a host without a runtime to ask. Whoever may write
 * into the folder chooses the tenant, so the agent never reads it where a runtime knows the truth.
 */
export const LABEL_FILE = 'sandbox.json';

/** An object that needs its sandbox's label, such as a stream. */
export interface Labelled {
  readonly sandbox_id: string;
  /** False while the label is unknown or may be out of date. */
  isLabelled: boolean;
  label(label: Label): void;
}

/** Opens a sandbox's folder, in which guests may write; null if it has none. */
export type OpenSandbox = (sandbox: string) => OpenFolder | null;

interface Known extends Label {
  at_ms: number;
}

interface Waiting {
  /** They get the label as soon as it is known: their rows may still be in the current batch. */
  ones: Set<Labelled>;
  tries: number;
  next_ms: number;
}

/**
 * Looks up labels of sandboxes at the runtime, or, if there is none to ask, in a file of their folder.
 * Nothing waits for a label: a row that is made before the label is known has none. The number of known
 * labels and the rate of requests are bounded.
 */
export class Labels {
  readonly counts = { labels_asked: 0, labels_failed: 0 };
  private readonly known = new Map<string, Known>();
  private readonly waiting = new Map<string, Waiting>();
  /** One object per distinct label, to save memory: most sandboxes share theirs. */
  private readonly shared = new Map<string, Label>();
  private readonly openFolder: OpenSandbox;
  private readonly runtime: Runtime | null;
  private readonly trouble = new Trouble('The runtime returns labels again.');
  private timer: NodeJS.Timeout | null = null;
  private pause_ms = 0;
  /** Time of the next request, at the earliest. */
  private next_ms = 0;
  private isAsking = false;
  private isStopped = false;

  constructor(openFolder: OpenSandbox, runtime: Runtime | null) {
    this.openFolder = openFolder;
    this.runtime = runtime;
  }

  get status(): {
    labels_known: number;
    labels_waiting: number;
    labels_asked: number;
    labels_failed: number;
  } {
    return { labels_known: this.known.size, labels_waiting: this.waiting.size, ...this.counts };
  }

  /**
   * Sets the label of `one` if it is known, else requests it. Called before rows are made, if it is not
   * labelled.
   */
  fill(one: Labelled): void {
    const { sandbox_id } = one;
    if (!isSandboxId(sandbox_id)) {
      one.isLabelled = true;
      return;
    }
    const now_ms = performance.now();
    const known = this.known.get(sandbox_id);
    if (known !== undefined) {
      one.label(known);
      // An old label is used, but also requested again: a new sandbox may have the same id.
      one.isLabelled = now_ms - known.at_ms < limits.labels.fresh_ms;
      if (one.isLabelled) return;
    }
    const waiting = this.waiting.get(sandbox_id);
    waiting?.ones.add(one);
    if (waiting !== undefined && (this.runtime !== null || now_ms < waiting.next_ms)) return;
    const tries = waiting?.tries ?? 0;
    if (this.runtime === null) {
      if (tries >= limits.labels.file_tries) {
        one.isLabelled = true;
        this.waiting.delete(sandbox_id);
        return;
      }
      if (this.fromFile(sandbox_id)) {
        this.fill(one);
        return;
      }
    }
    const next_ms = this.runtime === null ? now_ms + pauseAfter(tries) : now_ms;
    const ones = waiting?.ones ?? new Set([one]);
    this.waiting.set(sandbox_id, { ones, tries: tries + 1, next_ms });
    dropOldest(this.waiting);
    this.schedule(now_ms);
  }

  /**
   * The sandbox is gone. A pending request is ignored: its answer may belong to a new sandbox with the same
   * id.
   */
  forget(sandbox_id: string): void {
    this.known.delete(sandbox_id);
    this.waiting.delete(sandbox_id);
  }

  stop(): void {
    this.isStopped = true;
    if (this.timer !== null) clearTimeout(this.timer);
  }

  private keep(sandbox_id: string, { workspace, template }: Label): void {
    const name = JSON.stringify([workspace, template]);
    const label = this.shared.get(name) ?? { workspace, template };
    this.shared.set(name, label);
    dropOldest(this.shared);
    this.known.delete(sandbox_id);
    this.known.set(sandbox_id, { ...label, at_ms: performance.now() });
    dropOldest(this.known);
    const ones = this.waiting.get(sandbox_id)?.ones ?? [];
    this.waiting.delete(sandbox_id);
    for (const one of ones) {
      one.label(label);
      one.isLabelled = true;
    }
  }

  /** @returns whether the sandbox's folder has a file with its label */
  private fromFile(sandbox_id: string): boolean {
    const text = this.readFile(sandbox_id);
    if (text === null) return false;
    try {
      const label = labelIn(JSON.parse(text));
      if (label === null) throw new Error('not a JSON object');
      this.keep(sandbox_id, label);
      return true;
    } catch (error) {
      // The file may be incomplete while somebody writes it; it is read again.
      this.counts.labels_failed++;
      log.debug({ sandbox_id, reason: reasonOf(error) }, `${LABEL_FILE} of a sandbox is not valid.`);
      return false;
    }
  }

  private readFile(sandbox_id: string): string | null {
    let folder: OpenFolder | null = null;
    try {
      folder = this.openFolder(sandbox_id);
      return folder?.readSmall(LABEL_FILE, limits.labels.file_bytes_max) ?? null;
    } catch {
      return null;
    } finally {
      folder?.close();
    }
  }

  private schedule(now_ms: number): void {
    if (this.runtime === null || this.timer !== null || this.waiting.size === 0) return;
    if (this.isAsking || this.isStopped) return;
    const due_ms = Math.min(...[...this.waiting.values()].map(({ next_ms }) => next_ms));
    const wait_ms = Math.max(limits.labels.gather_ms, this.next_ms - now_ms, due_ms - now_ms);
    this.timer = setTimeout(() => void this.ask(this.runtime!), wait_ms).unref();
  }

  private async ask(runtime: Runtime): Promise<void> {
    const now_ms = performance.now();
    this.timer = null;
    const wanted = [...this.waiting].filter(([, { next_ms }]) => next_ms <= now_ms).map(([id]) => id);
    if (wanted.length === 0) {
      this.schedule(now_ms);
      return;
    }
    this.isAsking = true;
    try {
      this.counts.labels_asked++;
      const { asked, found } = await runtime.labels(wanted);
      const took_ms = performance.now() - now_ms;
      for (const [id, label] of found) if (this.waiting.has(id)) this.keep(id, label);
      for (const id of asked) this.putOff(id);
      this.pause_ms = 0;
      this.trouble.ends();
      this.next_ms = performance.now() + Math.max(limits.labels.pause_ms, took_ms * LIST_SHARE);
    } catch (error) {
      this.counts.labels_failed++;
      this.pause_ms = Math.min(
        Math.max(this.pause_ms * 2, limits.labels.pause_ms),
        limits.labels.pause_max_ms,
      );
      this.next_ms = performance.now() + this.pause_ms;
      if (!(error instanceof AfterlogError)) throw error;
      this.trouble.begins(error);
    }
    this.isAsking = false;
    this.schedule(performance.now());
  }

  /** The runtime does not know the sandbox (yet). */
  private putOff(id: string): void {
    const waiting = this.waiting.get(id);
    if (waiting === undefined) return;
    waiting.next_ms = performance.now() + pauseAfter(waiting.tries);
    waiting.tries++;
    // Further lines of the sandbox request the label again.
    if (waiting.tries > limits.labels.tries_max) this.waiting.delete(id);
  }
}

/**
 * After a request, the pause is at least this many times its duration: the list of a full host is expensive.
 */
const LIST_SHARE = 50;

const pauseAfter = (tries: number): number =>
  Math.min(limits.labels.pause_ms * 2 ** tries, limits.labels.pause_max_ms);

function dropOldest(map: Map<string, unknown>): void {
  if (map.size > limits.tail.sandboxes_max) map.delete(map.keys().next().value!);
}
