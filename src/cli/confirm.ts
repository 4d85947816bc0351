import { createInterface } from 'node:readline/promises';
import { AfterlogError } from '../base/errors.ts';

/**
 * Asks on the terminal; only `yes` confirms. The question goes to stderr, so that stdout stays the result.
 * @throws AfterlogError USAGE if there is no terminal
 */
export async function isConfirmed(question: string): Promise<boolean> {
  if (!process.stdin.isTTY) {
    throw new AfterlogError('USAGE', 'There is no terminal to ask for confirmation; use --yes to confirm.');
  }
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return (await terminal.question(`${question} Type yes: `)).trim() === 'yes';
  } finally {
    terminal.close();
  }
}
