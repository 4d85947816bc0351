import { connect, createServer, type Socket } from 'node:net';
import type { TestContext } from 'node:test';

export interface Proxy {
  url: string;
  /** While true, the server's answers do not reach the client. */
  muted: boolean;
  /** Number of bytes from clients to the server since `muted` was last set. */
  sent: number;
}

/** A TCP proxy in front of `url` that can drop or change answers. */
export async function startProxy(
  t: TestContext,
  url: string,
  change = (answer: Buffer): Buffer => answer,
): Promise<Proxy> {
  const { hostname, port } = new URL(url);
  const sockets = new Set<Socket>();
  const proxy: Proxy = { url: '', muted: false, sent: 0 };
  const server = createServer((client) => {
    const upstream = connect(Number(port), hostname);
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => {
        sockets.delete(socket);
        // The connection to the server stays open after a client gave up, so that the server does not notice
        // it.
        if (socket === upstream) client.destroy();
      });
    }
    client.on('data', (bytes) => {
      proxy.sent += bytes.length;
      upstream.write(bytes);
    });
    upstream.on('data', (bytes) => {
      if (!proxy.muted) client.write(change(bytes as Buffer));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address() as { port: number };
  // With the user in it, if there is one.
  proxy.url = url.replace(/127\.0\.0\.1:\d+/, `127.0.0.1:${address.port}`);
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return proxy;
}
