import { connect, createServer, type Socket } from 'node:net';
import type { TestContext } from 'node:test';
import { kafkaBroker } from './kafka.ts';

/** What becomes of the next requests that produce something. */
export type Fate =
  | 'passed'
  /** The broker appends, and its answer is lost with the connection. */
  | 'unanswered'
  /** Kept until release(), whoever waits for it; the broker then appends. */
  | 'held';

export interface KafkaProxy {
  /** `host:port`, to be used as a broker. */
  broker: string;
  fate: Fate;
  /** Kinds of requests that came, by their number in Kafka's protocol. */
  asked: Set<number>;
  /** Requests that met a fate other than `passed`. */
  met: number;
  /** Passes what was held on, and returns when the broker has answered. */
  release(): Promise<void>;
}

const PRODUCE = 0;
const METADATA = 3;

interface Sent {
  key: number;
  answered(): void;
}

/** A proxy in front of the run's broker that knows where a request begins and ends, and which ones produce. */
export async function startKafkaProxy(t: TestContext): Promise<KafkaProxy> {
  const [host, port] = kafkaBroker().split(':') as [string, string];
  const sockets = new Set<Socket>();
  const held: (() => Promise<void>)[] = [];
  const proxy: KafkaProxy = {
    broker: '',
    asked: new Set(),
    fate: 'passed',
    met: 0,
    release: async () => {
      proxy.fate = 'passed';
      await Promise.all(held.splice(0).map((pass) => pass()));
    },
  };
  const server = createServer((client) => {
    const upstream = connect(Number(port), host);
    /** Of each request that is under way, by its correlation id. */
    const underWay = new Map<number, Sent>();
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => sockets.delete(socket));
    }
    // A client that goes away leaves what is held on its way to the broker.
    client.on('close', () => {
      if (held.length === 0) upstream.end();
    });
    upstream.on('close', () => client.destroy());
    onFrames(client, (frame) => {
      const key = frame.readInt16BE(4);
      proxy.asked.add(key);
      const { fate } = proxy;
      const pass = (): Promise<void> =>
        new Promise((resolve) => {
          underWay.set(frame.readInt32BE(8), { key, answered: resolve });
          upstream.write(frame);
        });
      if (key !== PRODUCE || fate === 'passed') return void pass();
      proxy.met++;
      if (fate === 'held') held.push(pass);
      else void pass().then(() => client.destroy());
    });
    onFrames(upstream, (frame) => {
      const sent = underWay.get(frame.readInt32BE(4));
      underWay.delete(frame.readInt32BE(4));
      sent?.answered();
      if (sent?.key === PRODUCE && proxy.fate === 'unanswered') return;
      client.write(sent?.key === METADATA ? throughUs(frame) : frame);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const own = (server.address() as { port: number }).port;
  proxy.broker = `127.0.0.1:${own}`;
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });

  /** The brokers' address in an answer becomes ours: a host's name and its port follow each other. */
  function throughUs(frame: Buffer): Buffer {
    const address = (number: number): Buffer => {
      const bytes = Buffer.alloc(2 + host.length + 4);
      bytes.writeInt16BE(host.length, 0);
      bytes.write(host, 2);
      bytes.writeInt32BE(number, 2 + host.length);
      return bytes;
    };
    for (
      let at = frame.indexOf(address(Number(port)));
      at >= 0;
      at = frame.indexOf(address(Number(port)), at)
    ) {
      address(own).copy(frame, at);
    }
    return frame;
  }
  return proxy;
}

/** Calls back with whole requests or answers: four bytes of length, and as many as they say. */
function onFrames(socket: Socket, take: (frame: Buffer) => void): void {
  let kept = Buffer.alloc(0);
  socket.on('data', (bytes: Buffer) => {
    kept = Buffer.concat([kept, bytes]);
    while (kept.length >= 4 && kept.length >= 4 + kept.readInt32BE(0)) {
      const end = 4 + kept.readInt32BE(0);
      take(Buffer.from(kept.subarray(0, end)));
      kept = kept.subarray(end);
    }
  });
}
