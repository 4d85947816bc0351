import { connect, createServer, type Socket } from 'node:net';
import type { TestContext } from 'node:test';
import { kafkaBroker } from './kafka.ts';

/** The fate of the next produce requests. */
export type Fate =
  | 'passed'
  /** The broker appends, but its answer is lost with the connection. */
  | 'unanswered'
  /** Held until release(), even if the client gives up; then the broker appends. */
  | 'held';

export interface KafkaProxy {
  /** `host:port`, for use as a broker. */
  broker: string;
  fate: Fate;
  /** API keys of the requests. */
  asked: Set<number>;
  /** Number of requests with another fate than `passed`. */
  met: number;
  /** Passes the held requests on, and returns when the broker has answered. */
  release(): Promise<void>;
}

const PRODUCE = 0;
const METADATA = 3;

interface Sent {
  key: number;
  answered(): void;
}

/** A proxy in front of the broker that recognizes requests, and which of them produce. */
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
    /** For each pending request, by its correlation id. */
    const underWay = new Map<number, Sent>();
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => sockets.delete(socket));
    }
    // A held request still goes to the broker after its client has disconnected.
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

  /** Replaces the broker's address (a host's name, then its port) in an answer by the proxy's. */
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

/** Calls back with complete requests or answers: a length in four bytes, then as many bytes. */
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
