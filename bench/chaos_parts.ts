import { setTimeout as sleep } from 'node:timers/promises';
import { type LocalKafka, startLocalKafka } from '../src/kafka/local_kafka.ts';
import { type Embedded, startEmbedded } from '../src/store/embedded/embedded.ts';
import { type ConsumerStatus, memoryOf, ServedRole } from './process.ts';
import type { SoakAgent } from './soak_agent.ts';

/** Longest time between the end of a part and its restart. */
const DOWN_MS_MAX = 4_000;
/** Longer than a consumer's session, so that others take over its partitions. */
const FROZEN_MS = 9_000;

/** A part of the pipeline that is disturbed; one disturbance at a time. */
export abstract class Part {
  abstract readonly role: string;
  readonly counts = { killed: 0, stopped: 0, frozen: 0, died: 0 };
  peak_mb = 0;
  private isBusy = false;

  protected abstract get pid(): number | null;
  protected abstract get lastWords(): string;
  protected abstract restart(signal: 'SIGKILL' | 'SIGTERM', down_ms: number): Promise<void>;
  abstract end(): Promise<void>;

  /** Samples the memory, and restarts the part if it ended unexpectedly. */
  sample(): void {
    const { pid } = this;
    if (pid === null) {
      if (!this.isBusy) void this.died();
      return;
    }
    try {
      const { peak_mb } = memoryOf(pid);
      // NaN for a process that has just ended.
      if (peak_mb > this.peak_mb) this.peak_mb = peak_mb;
    } catch {
      // The process has ended.
    }
  }

  private async died(): Promise<void> {
    this.isBusy = true;
    this.counts.died++;
    console.log(`${this.role} ended unexpectedly:\n${this.lastWords}`);
    await this.restart('SIGKILL', 0);
    this.isBusy = false;
  }

  /** Does nothing if the part is already being disturbed. */
  async suffer(what: 'killed' | 'stopped' | 'frozen', random: () => number): Promise<void> {
    if (this.isBusy) return;
    this.isBusy = true;
    const down_ms = random() < 0.5 ? 0 : random() * DOWN_MS_MAX;
    this.sample();
    if (what === 'frozen') await this.freeze();
    else await this.restart(what === 'killed' ? 'SIGKILL' : 'SIGTERM', down_ms);
    this.counts[what]++;
    this.isBusy = false;
  }

  private async freeze(): Promise<void> {
    const { pid } = this;
    if (pid === null) return;
    process.kill(pid, 'SIGSTOP');
    await sleep(FROZEN_MS);
    process.kill(pid, 'SIGCONT');
  }
}

export class AgentPart extends Part {
  readonly role = 'agent';
  private readonly agent: SoakAgent;

  constructor(agent: SoakAgent) {
    super();
    this.agent = agent;
  }

  protected get pid(): number | null {
    return this.agent.agent.isRunning ? this.agent.agent.pid : null;
  }

  protected get lastWords(): string {
    return this.agent.agent.lastWords;
  }

  protected restart(signal: 'SIGKILL' | 'SIGTERM', down_ms: number): Promise<void> {
    return this.agent.kill(down_ms, signal);
  }

  end(): Promise<void> {
    return this.agent.agent.end('SIGKILL');
  }
}

export class ConsumerPart extends Part {
  readonly role = 'consumer';
  private readonly consumer: ServedRole<ConsumerStatus>;

  constructor(env: NodeJS.ProcessEnv) {
    super();
    this.consumer = new ServedRole('consumer', env);
  }

  protected get pid(): number | null {
    return this.consumer.isRunning ? this.consumer.pid : null;
  }

  protected get lastWords(): string {
    return this.consumer.lastWords;
  }

  start(): Promise<void> {
    return this.consumer.start();
  }

  /** Number of messages up to the end of its partitions; null if unknown. */
  async lag(): Promise<number | null> {
    return this.consumer.isRunning ? ((await this.consumer.status())?.lag ?? null) : null;
  }

  protected async restart(signal: 'SIGKILL' | 'SIGTERM', down_ms: number): Promise<void> {
    await this.consumer.end(signal);
    await sleep(down_ms);
    await this.consumer.start();
  }

  end(): Promise<void> {
    return this.consumer.end('SIGKILL');
  }
}

interface Server {
  pid: number;
  stop(): Promise<void>;
  kill(): void;
  exited: Promise<number | null>;
}

/** Kafka or ClickHouse; restarts use the same folder and port. */
abstract class ServerPart<S extends Server> extends Part {
  protected abstract begin(): Promise<S>;
  private server: S | null = null;

  protected get pid(): number | null {
    return this.server?.pid ?? null;
  }

  protected get lastWords(): string {
    return '';
  }

  async start(): Promise<S> {
    const server = await this.begin();
    this.server = server;
    void server.exited.then(() => {
      if (this.server === server) this.server = null;
    });
    return server;
  }

  protected async restart(signal: 'SIGKILL' | 'SIGTERM', down_ms: number): Promise<void> {
    const { server } = this;
    if (signal === 'SIGTERM') await server?.stop();
    else server?.kill();
    await server?.exited;
    await sleep(down_ms);
    await this.start();
  }

  async end(): Promise<void> {
    await this.server?.stop();
  }
}

export class KafkaPart extends ServerPart<LocalKafka> {
  readonly role = 'Kafka';
  private readonly options: { dir: string; port: number };

  constructor(options: { dir: string; port: number }) {
    super();
    this.options = options;
  }

  protected begin(): Promise<LocalKafka> {
    return startLocalKafka(this.options);
  }
}

export class ClickHousePart extends ServerPart<Embedded> {
  readonly role = 'ClickHouse';
  private readonly options: { dir: string; http_port: number };
  private readonly started: () => Promise<void>;

  /** @param started called after each start */
  constructor(options: { dir: string; http_port: number }, started: () => Promise<void>) {
    super();
    this.options = options;
    this.started = started;
  }

  protected async begin(): Promise<Embedded> {
    const server = await startEmbedded(this.options);
    await this.started();
    return server;
  }
}
