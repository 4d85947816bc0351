import { once } from 'node:events';

/** Writes to stdout and waits while its reader is behind, so that nothing piles up here. */
export async function print(chunk: string | Uint8Array): Promise<void> {
  if (!process.stdout.write(chunk)) await once(process.stdout, 'drain');
}

/** `afterlog logs x | head`: the reader has what it wanted, which is no failure. */
export function endQuietlyWhenReaderLeaves(): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(0);
    console.error(`Cannot write to stdout: ${error.message}`);
    process.exit(1);
  });
}

export const jsonLine = (value: object): string => `${JSON.stringify(value)}\n`;
