import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { freePort } from '../../src/base/child_process.ts';
import { limits } from '../../src/base/limits.ts';
import { type LocalKafka, startLocalKafka } from '../../src/kafka/local_kafka.ts';
import { temporaryDir } from './temporary.ts';

/** Node 1 is also the controller, and must not be killed. */
const CONTROLLER = 1;
const NODES = [1, 2, 3];

export interface KafkaCluster {
  brokers: string[];
  /** `host:port` of the node that is never killed. */
  controller: string;
  /** Sends SIGKILL and waits until the node has ended. */
  kill(node: number): Promise<void>;
  start(node: number): Promise<void>;
}

/** Three real brokers with three replicas per topic. They end with the test. */
export async function startKafkaCluster(t: TestContext): Promise<KafkaCluster> {
  const dir = await temporaryDir(t);
  for (let tries = 1; ; tries++) {
    const cluster = new Cluster(join(dir, String(tries)), await freePorts(NODES.length + 1));
    try {
      await cluster.startAll();
      t.after(() => cluster.stop());
      return cluster;
    } catch (error) {
      await cluster.stop();
      // Another process may have taken one of the ports meanwhile.
      if (tries === limits.server.free_port_tries || !/which is in use/.test(String(error))) throw error;
    }
  }
}

async function freePorts(count: number): Promise<number[]> {
  const ports = new Set<number>();
  while (ports.size < count) ports.add(await freePort());
  return [...ports];
}

class Cluster implements KafkaCluster {
  private readonly running = new Map<number, LocalKafka>();
  private readonly dir: string;
  private readonly ports: number[];

  /** @param ports of the nodes, and the controller's */
  constructor(dir: string, ports: number[]) {
    this.dir = dir;
    this.ports = ports;
  }

  get brokers(): string[] {
    return NODES.map((node) => this.addressOf(node));
  }

  get controller(): string {
    return this.addressOf(CONTROLLER);
  }

  private addressOf(node: number): string {
    return `127.0.0.1:${this.ports[node - 1]}`;
  }

  async startAll(): Promise<void> {
    const outcomes = await Promise.allSettled(NODES.map((node) => this.start(node)));
    for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
  }

  async start(node: number): Promise<void> {
    const voter = `127.0.0.1:${this.ports[NODES.length]}`;
    const isController = node === CONTROLLER;
    // The last value of a property counts.
    const properties = `process.roles=${isController ? 'broker,controller' : 'broker'}
node.id=${node}
controller.quorum.voters=${CONTROLLER}@${voter}
listeners=PLAINTEXT://${this.addressOf(node)}${isController ? `,CONTROLLER://${voter}` : ''}
offsets.topic.replication.factor=${NODES.length}
`;
    const options = { dir: join(this.dir, String(node)), port: this.ports[node - 1]! };
    this.running.set(node, await startLocalKafka({ ...options, listener: { address: '', properties } }));
  }

  async kill(node: number): Promise<void> {
    const broker = this.running.get(node)!;
    broker.kill();
    await broker.exited;
    this.running.delete(node);
  }

  /** Ends all nodes at once. */
  async stop(): Promise<void> {
    await Promise.all([...this.running.keys()].map((node) => this.kill(node)));
  }
}
