import { spawn } from 'node:child_process';
import { buffer } from 'node:stream/consumers';

/**
 * Runs a program with a terminal as its output, and returns what it wrote there, stdout and stderr together.
 * The terminal's own line ends (CR LF) are LF again.
 */
export async function onTerminal(
  program: string,
  args: string[],
  env: NodeJS.ProcessEnv,
): Promise<{ code: number | null; bytes: Buffer }> {
  const words = [program, ...args].map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(' ');
  // The program's stdin is no terminal: it would answer to what the test types.
  const child = spawn('script', ['-qec', `exec ${words} </dev/null`, '/dev/null'], {
    env: { TERM: 'xterm', SHELL: '/bin/sh', ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = new Promise<number | null>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', resolve);
  });
  const [bytes, code] = await Promise.all([buffer(child.stdout), ended]);
  return { code, bytes: Buffer.from(bytes.toString('latin1').replaceAll('\r\n', '\n'), 'latin1') };
}
