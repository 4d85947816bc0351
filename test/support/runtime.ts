import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

/**
 * A fake of the runtime's agent on a real port, with configurable answers; by default in PandaStack's format.
 */
export class TestRuntime {
  /** Requested paths, in order. */
  readonly asked: string[] = [];
  readonly tokens = new Set<string | undefined>();
  readonly sandboxes = new Map<string, object>();
  /** An answer in place of the sandboxes. */
  answer: Answer | null = null;
  hasList = true;
  url = '';

  static async start(t: TestContext): Promise<TestRuntime> {
    const runtime = new TestRuntime();
    const server = createServer((request, response) => runtime.serve(request, response));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    runtime.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    t.after(() => {
      server.closeAllConnections();
      server.close();
    });
    return runtime;
  }

  add(id: string, template: string, workspace: string): void {
    this.sandboxes.set(id, {
      ...{ id, template, cpu: 2, memory_mb: 512, status: 'running', guest_ip: '172.20.0.2' },
      ...{ metadata: { workspace, owner: 'someone' }, boot_ms: 900, created_at: '2026-06-01T15:30:00Z' },
    });
  }

  private serve(request: IncomingMessage, response: ServerResponse): void {
    const path = request.url ?? '';
    this.asked.push(path);
    this.tokens.add(request.headers.authorization);
    if (this.answer !== null) {
      this.answer(request, response);
      return;
    }
    const one = this.sandboxes.get(decodeURIComponent(path.slice('/sandboxes/'.length)));
    const said = path === '/sandboxes' ? (this.hasList ? [...this.sandboxes.values()] : undefined) : one;
    response.writeHead(said === undefined ? 404 : 200, { 'Content-Type': 'application/json' });
    response.end(JSON.stringify(said ?? { error: 'not found' }));
  }
}
