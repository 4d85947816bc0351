import { spawn } from 'node:child_process';
import { resolve } from 'node:path';

const MAIN = resolve(import.meta.dirname, '../../src/cli/main.ts');

export interface Ended {
  code: number | null;
  stdout: Buffer;
  stderr: string;
}

/** Runs `afterlog …` as a process of its own, to its end. Settings come from `environment` only. */
export function afterlog(
  args: string[],
  environment: Record<string, string> = {},
  stdin = '',
): Promise<Ended> {
  const child = spawn(process.execPath, [MAIN, ...args], { env: cleanEnvironment(environment) });
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

/** A role as a process, to be signalled; `line` resolves with the next line of its stderr that matches. */
export function startAfterlog(args: string[], environment: Record<string, string> = {}) {
  const child = spawn(process.execPath, [MAIN, ...args], {
    env: cleanEnvironment(environment),
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  return {
    child,
    exited: new Promise<number | null>((resolve) => child.on('exit', resolve)),
    async said(pattern: RegExp): Promise<void> {
      while (!pattern.test(stderr)) {
        if (child.exitCode !== null) throw new Error(`it ended with ${child.exitCode}:\n${stderr}`);
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    },
  };
}

function cleanEnvironment(environment: Record<string, string>): NodeJS.ProcessEnv {
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('AFTERLOG_'));
  return { ...Object.fromEntries(inherited), ...environment };
}
