import { readdirSync, statSync } from 'node:fs';
import { type ChainName, lookAtChain } from './chain.ts';
import { chainPlace } from './layout.ts';
import { LogTail, type Sink } from './log_tail.ts';
import { type FileIdentity, identityOf, type Pin, type Pins, sameFile } from './pins.ts';
import { type Watch, watchFolder } from './watch.ts';

/** What a sandbox tells the tailer. */
export interface SandboxEvents {
  /** The log has, or may have, bytes to read. */
  readable(tail: LogTail): void;
  /** Looking at the folder failed in a way that may pass; it is looked at again. */
  failed(path: string, error: Error): void;
}

/** A sandbox's folder: watched, looked at whenever a name in it changes, gone when it is deleted. */
export class Sandbox {
  readonly id: string;
  readonly folder: string;
  readonly tails = new Map<string, LogTail>();
  isGone = false;
  private identity: FileIdentity | null = null;
  private watch: Watch | null = null;
  private found: { log: string; pin: Pin }[] = [];
  private readonly pins: Pins;
  private readonly sink: Sink;
  private readonly events: SandboxEvents;

  constructor(id: string, folder: string, pins: Pins, sink: Sink, events: SandboxEvents) {
    this.id = id;
    this.folder = folder;
    this.pins = pins;
    this.sink = sink;
    this.events = events;
  }

  tail(log: string): LogTail {
    let tail = this.tails.get(log);
    if (tail === undefined) {
      const rename = (pin: Pin, stream: string, generation: number): void =>
        this.pins.name(pin, this.id, log, stream, generation);
      tail = new LogTail(this.id, log, this.sink, () => this.look(), rename);
      this.tails.set(log, tail);
    }
    return tail;
  }

  /** Hands over a pin that an earlier agent made and could not name. */
  adopt(log: string, pin: Pin): void {
    this.tail(log);
    this.found.push({ log, pin });
  }

  /** Watches first and looks afterwards, so that nothing comes between unseen. */
  look(): void {
    try {
      const isNewFolder = this.checkFolder();
      const chains = this.names();
      for (const [log, names] of chains) {
        const tail = this.tail(log);
        const found = this.found.filter((one) => one.log === log).map((one) => one.pin);
        this.found = this.found.filter((one) => one.log !== log);
        if (!lookAtChain(tail, this.folder, names, isNewFolder, this.pins, this.sink, found)) {
          setImmediate(() => this.look());
        }
        this.events.readable(tail);
      }
    } catch (error) {
      this.events.failed(this.folder, error as Error);
    }
  }

  /** @returns whether another folder stands where the one known before stood */
  private checkFolder(): boolean {
    const stats = statSync(this.folder, { bigint: true, throwIfNoEntry: false });
    this.isGone = !stats?.isDirectory();
    if (this.isGone) {
      this.unwatch();
      return false;
    }
    const identity = identityOf(stats!);
    const isAnother = this.identity !== null && !sameFile(this.identity, identity);
    if (isAnother) this.unwatch();
    this.identity = identity;
    if (this.watch === null) {
      try {
        this.watch = watchFolder(this.folder, (name, renamed) => this.changed(name, renamed));
      } catch {
        this.isGone = true; // deleted since it was looked at
      }
    }
    return isAnother;
  }

  /** Names of each log that is there or is known, oldest first. */
  private names(): Map<string, ChainName[]> {
    const chains = new Map<string, ChainName[]>([...this.tails.keys()].map((log) => [log, []]));
    let entries: string[] = [];
    try {
      if (!this.isGone) entries = readdirSync(this.folder);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
    for (const name of entries) {
      const place = chainPlace(name);
      if (place === null) continue;
      const chain = chains.get(place.log);
      if (chain) chain.push({ name, age: place.age });
      else chains.set(place.log, [{ name, age: place.age }]);
    }
    for (const chain of chains.values()) chain.sort((a, b) => b.age - a.age);
    return chains;
  }

  private changed(name: string | null, renamed: boolean): void {
    const place = name === null ? null : chainPlace(name);
    const tail = place === null ? undefined : this.tails.get(place.log);
    if (renamed || name === null || (place !== null && tail === undefined)) this.look();
    else if (tail !== undefined) this.events.readable(tail);
  }

  private unwatch(): void {
    this.watch?.close();
    this.watch = null;
  }

  /** Whether nothing of it is left: no folder, no bytes to read, no state to keep. */
  get isOver(): boolean {
    return (
      this.isGone &&
      [...this.tails.values()].every((tail) => tail.queue.length === 0 && tail.state() === null)
    );
  }

  close(): void {
    this.unwatch();
  }
}
