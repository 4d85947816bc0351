import { once } from 'node:events';

/** Writes to stdout, and waits while its buffer is full, so that memory stays bounded. */
export async function print(chunk: string | Uint8Array): Promise<void> {
  if (!process.stdout.write(chunk)) await once(process.stdout, 'drain');
}

/** Ends with exit code 0 if the reader closes the pipe, as in `afterlog logs x | head`. */
export function endQuietlyWhenReaderLeaves(): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(0);
    console.error(`Cannot write to stdout: ${error.message}`);
    process.exit(1);
  });
}

export const jsonLine = (value: object): string => `${JSON.stringify(value)}\n`;
