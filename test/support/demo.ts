import { spawn } from 'node:child_process';
import { resolve } from 'node:path';
import type { TestContext } from 'node:test';
import { until } from './patience.ts';

const main = resolve(import.meta.dirname, '../../src/cli/main.ts');

/** `afterlog up`, which starts a ClickHouse, or `afterlog fleet`, in a folder of its own; with all its output. */
export function startDemo(t: TestContext, dir: string, args: string[]) {
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('AFTERLOG_'));
  const child = spawn(process.execPath, [main, ...args], {
    cwd: dir,
    // The record for other terminals goes there too.
    env: { ...Object.fromEntries(inherited), XDG_CACHE_HOME: dir },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  t.after(() => child.kill('SIGKILL'));
  let printed = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      printed += text;
    });
  }
  let isOver = false;
  const exited = new Promise<number | null>((settle) => {
    child.on('close', (code) => {
      isOver = true;
      settle(code);
    });
  });
  return {
    child,
    exited,
    printed: () => printed,
    async says(pattern: RegExp): Promise<RegExpExecArray> {
      await until(
        () => {
          if (pattern.test(printed)) return true;
          if (isOver) throw new Error(`it ended with ${child.exitCode}:\n${printed}`);
          return false;
        },
        () => `${pattern}:\n${printed}`,
      );
      return pattern.exec(printed)!;
    },
  };
}
