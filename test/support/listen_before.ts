import type { Server } from 'node:http';
import type { TestContext } from 'node:test';

/** Lets a proxy listen in the place of the server at `url`, until the test ends. @returns its URL */
export async function listenBefore(t: TestContext, proxy: Server, url: string): Promise<string> {
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  const { port } = proxy.address() as { port: number };
  t.after(() => {
    proxy.closeAllConnections();
    proxy.close();
  });
  // With the user in it.
  return url.replace(/127\.0\.0\.1:\d+/, `127.0.0.1:${port}`);
}
