import { connect, createServer, type Socket } from 'node:net';
import type { TestContext } from 'node:test';
import { kafkaBroker } from './kafka.ts';
import {
  answerNumber,
  apiOf,
  METADATA,
  onFrames,
  PRODUCE,
  requestNumber,
  throughPort,
} from './kafka_frames.ts';

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
      const key = apiOf(frame);
      proxy.asked.add(key);
      const { fate } = proxy;
      const pass = (): Promise<void> =>
        new Promise((resolve) => {
          underWay.set(requestNumber(frame), { key, answered: resolve });
          upstream.write(frame);
        });
      if (key !== PRODUCE || fate === 'passed') return void pass();
      proxy.met++;
      if (fate === 'held') held.push(pass);
      else void pass().then(() => client.destroy());
    });
    onFrames(upstream, (frame) => {
      const sent = underWay.get(answerNumber(frame));
      underWay.delete(answerNumber(frame));
      sent?.answered();
      if (sent?.key === PRODUCE && proxy.fate === 'unanswered') return;
      client.write(sent?.key === METADATA ? throughPort(frame, host, Number(port), own) : frame);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const own = (server.address() as { port: number }).port;
  proxy.broker = `127.0.0.1:${own}`;
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return proxy;
}
