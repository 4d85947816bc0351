import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { TestContext } from 'node:test';
import { until } from './patience.ts';
import { temporaryDir } from './temporary.ts';

export interface Page {
  /** Evaluates an expression in the page, and awaits a promise. @throws the page's error as text */
  run<Value>(expression: string): Promise<Value>;
}

interface Answer {
  id?: number;
  error?: { message: string };
  result?: unknown;
}

/** A headless Chromium, controlled over its DevTools protocol; it ends with the test. */
export async function startChromium(t: TestContext): Promise<{ open(url: string): Promise<Page> }> {
  const profile = join(await temporaryDir(t), 'profile');
  const options = [
    '--headless=new',
    '--no-sandbox',
    '--disable-gpu',
    '--disable-dev-shm-usage',
    '--no-first-run',
  ];
  const child = spawn(
    'chromium',
    [...options, `--user-data-dir=${profile}`, '--remote-debugging-port=0', 'about:blank'],
    // In its own process group, so that its child processes end with it.
    { stdio: ['ignore', 'ignore', 'pipe'], detached: true },
  );
  const ended = once(child, 'close').catch(() => {});
  t.after(async () => {
    if (child.pid !== undefined && child.exitCode === null) process.kill(-child.pid, 'SIGKILL');
    await ended;
  });
  const call = await connect(t, await addressOf(child));
  return {
    async open(url) {
      const { targetId } = (await call('Target.createTarget', { url: 'about:blank' })) as {
        targetId: string;
      };
      const attached = await call('Target.attachToTarget', { targetId, flatten: true });
      const { sessionId } = attached as { sessionId: string };
      const run = async <Value>(expression: string): Promise<Value> => {
        const parameters = { expression, awaitPromise: true, returnByValue: true };
        const answer = await call('Runtime.evaluate', parameters, sessionId);
        const { result, exceptionDetails } = answer as {
          result: { value: Value };
          exceptionDetails?: { exception?: { description?: string; value?: unknown } };
        };
        if (exceptionDetails === undefined) return result.value;
        const { description, value } = exceptionDetails.exception ?? {};
        throw new Error(`in the page: ${description ?? value}`);
      };
      // Answers of the API are not suitable as pages: their content security policy forbids scripts.
      await call('Page.setBypassCSP', { enabled: true }, sessionId);
      await call('Page.navigate', { url }, sessionId);
      // Until the page has loaded, the evaluation fails, or sees the page before it.
      await until(async () => {
        const at = `location.href === ${JSON.stringify(url)} && document.readyState === 'complete'`;
        return await run<boolean>(at).catch(() => false);
      }, url);
      return { run };
    },
  };
}

/** Reads the address that Chromium prints to stderr. @throws if it cannot start */
async function addressOf(child: ReturnType<typeof spawn>): Promise<string> {
  let said = '';
  const failed = once(child, 'error').then(([error]) => {
    throw new Error(`Chromium is missing: apt-get install -y chromium (${(error as Error).message}).`);
  });
  const found = (async () => {
    for await (const line of createInterface({ input: child.stderr! })) {
      const [, address] = /^DevTools listening on (\S+)/.exec(line) ?? [];
      if (address !== undefined) {
        child.stderr!.resume();
        return address;
      }
      said = `${said}${line}\n`.slice(-2_000);
    }
    throw new Error(`Chromium ended: ${said}`);
  })();
  return await Promise.race([failed, found]);
}

type Call = (method: string, params: object, sessionId?: string) => Promise<unknown>;

async function connect(t: TestContext, address: string): Promise<Call> {
  const socket = new WebSocket(address);
  t.after(() => socket.close());
  await new Promise<void>((resolve, reject) => {
    socket.addEventListener('open', () => resolve());
    socket.addEventListener('error', () => reject(new Error(`no connection to Chromium at ${address}`)));
  });
  const waiting = new Map<number, (answer: Answer) => void>();
  socket.addEventListener('message', ({ data }) => {
    const answer = JSON.parse(String(data)) as Answer;
    if (answer.id !== undefined) waiting.get(answer.id)?.(answer);
  });
  socket.addEventListener('close', () => {
    for (const settle of waiting.values()) settle({ error: { message: 'Chromium has ended' } });
  });
  let last = 0;
  return async (method, params, sessionId) => {
    const id = ++last;
    const answer = await new Promise<Answer>((resolve) => {
      waiting.set(id, resolve);
      socket.send(JSON.stringify({ id, method, params, sessionId }));
    });
    waiting.delete(id);
    if (answer.error !== undefined) throw new Error(`${method}: ${answer.error.message}`);
    return answer.result;
  };
}
