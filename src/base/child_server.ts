import type { ChildProcess } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { exitOf, freePort, keepLastLines, settlesWithin } from './child_process.ts';
import { limits } from './limits.ts';

/** A server of our own on 127.0.0.1, in a child process. */
export interface ChildServer {
  pid: number;
  /** Ends it in order; after a bound with SIGKILL. */
  stop(): Promise<void>;
  /** SIGKILL, now. */
  kill(): void;
  /** Exit code; null after a signal. */
  exited: Promise<number | null>;
}

/** How a server starts on a port. A failed start is the output of the child that ended or did not answer. */
export interface PortStart<S> {
  start(port: number): Promise<S | string>;
  /** Whether another start may succeed, for example because another process took the port first. */
  mayRetry(port: number, output: string): Promise<boolean>;
  failure(port: number, output: string): Promise<Error>;
}

/**
 * Starts a server on `port`, or on a free one, with a few retries.
 * @throws the failure of the last start
 */
export async function startOnPort<S extends object>(port: number | undefined, how: PortStart<S>): Promise<S> {
  for (let tries = 1; ; tries++) {
    const one = port ?? (await freePort());
    const outcome = await how.start(one);
    if (typeof outcome !== 'string') return outcome;
    if (tries >= limits.server.free_port_tries || !(await how.mayRetry(one, outcome))) {
      throw await how.failure(one, outcome);
    }
  }
}

/**
 * Waits until a child that was just spawned answers as a server; one that does not is killed.
 * @param options.answers asks the server once; it is asked again until it returns true
 * @param options.end asks the child to end in order
 * @returns the output of the child if it ended or did not answer in `start_ms`
 */
export async function untilReady(
  child: ChildProcess,
  options: {
    answers: (signal: AbortSignal) => Promise<boolean>;
    end: () => void;
    start_ms: number;
    stop_ms: number;
  },
): Promise<ChildServer | string> {
  const { answers, end, start_ms, stop_ms } = options;
  const output = keepLastLines(child);
  const exited = exitOf(child);
  const started = new AbortController();
  const isReady = await Promise.race([
    poll(answers, started.signal),
    exited.then(() => false),
    sleep(start_ms, false, { signal: started.signal }).catch(() => false),
  ]);
  started.abort();
  const hasEnded = child.exitCode !== null || child.signalCode !== null || child.pid === undefined;
  if (!isReady || hasEnded) {
    child.kill('SIGKILL');
    await exited;
    return output() || (hasEnded ? 'it ended without any output' : `no answer in ${start_ms} ms`);
  }
  return {
    pid: child.pid!,
    exited,
    kill: () => void child.kill('SIGKILL'),
    stop: async () => {
      end();
      if (await settlesWithin(exited, stop_ms)) return;
      child.kill('SIGKILL');
      await exited;
    },
  };
}

async function poll(
  answers: (signal: AbortSignal) => Promise<boolean>,
  signal: AbortSignal,
): Promise<boolean> {
  while (!signal.aborted) {
    if (await answers(signal)) return true;
    await sleep(limits.server.start_poll_ms);
  }
  return false;
}
