import { connect, createServer, type Socket } from 'node:net';
import type { TestContext } from 'node:test';
import { answerNumber, apiOf, METADATA, onFrames, requestNumber, throughPort } from './kafka_frames.ts';

/** What a network does to some bytes on their way. */
export interface Fault {
  /** Bytes that still arrive; with `delayed`, all arrive, in two pieces. */
  after: number;
  how:
    | 'delayed'
    /** The connection closes in order (FIN) to both sides. */
    | 'closed'
    /** It is reset (RST), to ClickHouse closed. */
    | 'reset'
    /** The receiver sees the end of the data, while its own data still goes on. */
    | 'half_closed'
    /** Both sides stay connected, and nothing more arrives at either. */
    | 'silent';
  delay_ms?: number;
}

export interface Traffic {
  bytes: Buffer;
  /** An answer of the server, else a request. */
  isAnswer: boolean;
  /** For an answer of Kafka, the key of the request's API. */
  api: number | undefined;
}

export interface FaultyNetwork {
  /** `host:port` */
  address: string;
  /** Decides on each answer of Kafka, and each piece of ClickHouse's; null lets it pass. */
  fault: (traffic: Traffic) => Fault | null;
  /** Number of faults so far. */
  met: number;
  /** From now on everything passes, and connections that a fault made silent are reset. */
  heal(): void;
}

/**
 * A TCP proxy in front of a server with the faults of networks.
 * @param server `host:port`
 * @param isKafka answers are whole, and name the proxy as broker
 */
export async function startFaultyNetwork(
  t: TestContext,
  server: string,
  isKafka: boolean,
): Promise<FaultyNetwork> {
  const [host, port] = server.split(':') as [string, string];
  const links = new Set<Link>();
  const healthy = (): null => null;
  const network: FaultyNetwork = {
    address: '',
    fault: healthy,
    met: 0,
    heal() {
      network.fault = healthy;
      for (const link of links) if (link.isSilent) link.reset();
    },
  };
  let own = 0;
  const listening = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
    const link = new Link(client, connect({ host, port: Number(port), allowHalfOpen: true }), isKafka);
    links.add(link);
    for (const socket of [client, link.upstream]) {
      socket.on('close', () => link.isOver && links.delete(link));
    }
    const onward = (traffic: Traffic): void => {
      if (link.isSilent) return;
      const fault = network.fault(traffic);
      if (fault !== null) network.met++;
      link.pass(traffic, fault);
    };
    client.on('data', (bytes: Buffer) => onward({ bytes, isAnswer: false, api: undefined }));
    if (!isKafka) {
      link.upstream.on('data', (bytes: Buffer) => onward({ bytes, isAnswer: true, api: undefined }));
      return;
    }
    const apis = new Map<number, number>();
    onFrames(client, (request) => apis.set(requestNumber(request), apiOf(request)));
    onFrames(link.upstream, (answer) => {
      const api = apis.get(answerNumber(answer));
      apis.delete(answerNumber(answer));
      const bytes = api === METADATA ? throughPort(answer, host, Number(port), own) : answer;
      onward({ bytes, isAnswer: true, api });
    });
  });
  await new Promise<void>((resolve) => listening.listen(0, '127.0.0.1', resolve));
  own = (listening.address() as { port: number }).port;
  network.address = `127.0.0.1:${own}`;
  t.after(() => {
    for (const link of links) link.reset();
    listening.close();
  });
  return network;
}

/** One connection through the proxy. */
class Link {
  isSilent = false;
  readonly upstream: Socket;
  private readonly client: Socket;
  /** Bytes of one direction that wait for a delay: what follows them waits, too. */
  /** A receiver to which nothing more is sent. */
  private ended: Socket | null = null;
  private readonly queues = { answers: Promise.resolve(), requests: Promise.resolve() };

  private readonly resetsServer: boolean;

  /** @param resetsServer otherwise it only sees the end of the data: a reset may abort the ClickHouse of the tests */
  constructor(client: Socket, upstream: Socket, resetsServer: boolean) {
    this.resetsServer = resetsServer;
    this.client = client;
    this.upstream = upstream;
    for (const [socket, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      socket.on('error', () => this.reset());
      socket.on('end', () => this.inTurn(socket === upstream, () => !this.isSilent && other.end()));
      socket.on('close', () => {
        // A silent network does not tell either side that the other one is gone.
        if (!this.isSilent) this.inTurn(socket === upstream, () => this.drop(other));
      });
    }
  }

  get isOver(): boolean {
    return this.client.closed && this.upstream.closed;
  }

  pass({ bytes, isAnswer }: Traffic, fault: Fault | null): void {
    const to = isAnswer ? this.client : this.upstream;
    this.inTurn(isAnswer, async () => {
      if (this.isSilent || to.destroyed || to === this.ended) return;
      if (fault === null) return void to.write(bytes);
      const { after, how, delay_ms = 0 } = fault;
      if (after > 0) to.write(bytes.subarray(0, after));
      if (delay_ms > 0) await new Promise((resolve) => setTimeout(resolve, delay_ms));
      if (how === 'delayed') to.write(bytes.subarray(after));
      else if (how === 'silent') this.isSilent = true;
      else if (how === 'half_closed') {
        // What it sends still goes on.
        this.ended = to.end();
      } else if (how === 'closed') {
        this.client.end();
        this.upstream.end();
      } else this.reset();
    });
  }

  reset(): void {
    this.isSilent = true;
    for (const socket of [this.client, this.upstream]) {
      if (socket.destroyed) continue;
      if (socket === this.client || this.resetsServer) socket.resetAndDestroy();
      else socket.end();
    }
  }

  private drop(socket: Socket): void {
    if (socket === this.client || this.resetsServer) socket.destroy();
    else socket.end();
  }

  private inTurn(isAnswer: boolean, step: () => unknown): void {
    const direction = isAnswer ? 'answers' : 'requests';
    this.queues[direction] = this.queues[direction].then(async () => void (await step()));
  }
}
