import { spawn } from 'node:child_process';
import { resolve } from 'node:path';
import { until } from './patience.ts';

const MAIN = resolve(import.meta.dirname, '../../src/cli/main.ts');

export interface Ended {
  code: number | null;
  stdout: Buffer;
  stderr: string;
}

/**
 * Runs `afterlog …` in its own process until it ends. Settings come only from `environment`.
 * @param through a program with options that runs the command, such as `setpriv`
 */
export function afterlog(
  args: string[],
  environment: Record<string, string> = {},
  stdin = '',
  through: string[] = [],
): Promise<Ended> {
  return runCommand(MAIN, args, environment, stdin, through);
}

/** The same with another main module, such as that of the built command. */
export function runCommand(
  main: string,
  args: string[],
  environment: Record<string, string>,
  stdin: string,
  through: string[],
): Promise<Ended> {
  const [program, ...rest] = [...through, process.execPath, main, ...args];
  const child = spawn(program!, rest, { env: cleanEnvironment(environment) });
  const stdout: Buffer[] = [];
  let stderr = '';
  child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk));
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  child.stdin.on('error', () => {}); // It may end without reading.
  child.stdin.end(stdin);
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, stdout: Buffer.concat(stdout), stderr }));
  });
}

/** Starts a command that runs until a signal. */
export function startAfterlog(args: string[], environment: Record<string, string> = {}) {
  const child = spawn(process.execPath, [MAIN, ...args], {
    env: cleanEnvironment(environment),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const output = { stdout: Buffer.alloc(0), stderr: Buffer.alloc(0) };
  let isOver = false;
  const exited = new Promise<number | null>((resolve) => {
    child.on('close', (code) => {
      isOver = true;
      resolve(code);
    });
  });
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].on('data', (chunk: Buffer) => {
      output[name] = Buffer.concat([output[name], chunk]);
    });
  }
  const matches = async (name: 'stdout' | 'stderr', pattern: RegExp): Promise<void> => {
    const told = (): string => `${output.stdout}${output.stderr}`;
    await until(
      () => {
        if (pattern.test(String(output[name]))) return true;
        // Not yet at its exit: its output may arrive later.
        if (isOver) throw new Error(`it ended with ${child.exitCode ?? child.signalCode}:\n${told()}`);
        return false;
      },
      () => `${pattern}:\n${told()}`,
    );
  };
  return {
    child,
    output,
    /** Resolves with the exit code when stdout and stderr are closed. */
    exited,
    /** Waits until stderr, or stdout, matches. */
    said: (pattern: RegExp) => matches('stderr', pattern),
    printed: (pattern: RegExp) => matches('stdout', pattern),
  };
}

function cleanEnvironment(environment: Record<string, string>): NodeJS.ProcessEnv {
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('AFTERLOG_'));
  return { ...Object.fromEntries(inherited), ...environment };
}
