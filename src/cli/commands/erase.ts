import { createInterface } from 'node:readline/promises';
import { AfterlogError } from '../../base/errors.ts';
import { limits } from '../../base/limits.ts';
import { harmless, humanBytes } from '../../base/text.ts';
import type { Settings } from '../../config/settings.ts';
import { Agents } from '../../serve/agents.ts';
import { waitForAllLogs } from '../../serve/last_bytes.ts';
import { erase as eraseStored } from '../../store/care/erase.ts';
import { openStore } from '../../store/query.ts';
import { getSandbox, type StoredSandbox } from '../../store/read/sandboxes.ts';
import { countText } from '../../store/record.ts';
import { jsonLine, print } from '../output.ts';

export interface EraseOptions {
  yes?: boolean;
  json?: boolean;
}

/**
 * `afterlog erase ID`: erases what is stored of a sandbox's logs, once it is confirmed.
 * @returns the exit code: 1 if it was not confirmed, or ClickHouse is not done yet
 * @throws AfterlogError USAGE (nobody to ask), SANDBOX_UNKNOWN, and what erasing throws
 */
export async function erase(settings: Settings, sandbox_id: string, options: EraseOptions): Promise<number> {
  const store = openStore(settings);
  try {
    const id = { sandbox_id, workspace: null };
    const sandbox = await getSandbox(store, sandbox_id, null);
    const unknown = new AfterlogError(
      'SANDBOX_UNKNOWN',
      `There are no logs of sandbox '${harmless(sandbox_id)}'.`,
    );
    if (sandbox === null) throw unknown;
    if (options.yes !== true && !(await isConfirmed(sandbox))) {
      console.error('Nothing was erased.');
      return 1;
    }
    await waitForAllLogs(store, new Agents(settings), id, new AbortController().signal);
    const erased = await eraseStored(store, id, limits.erase.command_wait_ms);
    if (erased === null) throw unknown;
    const alive = (await getSandbox(store, sandbox_id, null))?.state !== 'deleted';
    const isDone = erased.state === 'erased';
    if (options.json) await print(jsonLine({ sandbox: sandbox_id, ...erased, alive }));
    else {
      const what = `${countText(erased.lines, 'line')} of ${harmless(sandbox_id)} (${humanBytes(erased.bytes)})`;
      const still =
        ' ClickHouse is still removing them; it goes on by itself. Repeat this to see when it is done.';
      await print(`${isDone ? 'Erased' : 'Told as erased'}: ${what}.${isDone ? '' : still}\n`);
    }
    if (alive) console.error('It lives: what it writes from now on is kept. Erase again after its end.');
    return isDone ? 0 : 1;
  } finally {
    await store.client.close();
  }
}

async function isConfirmed({ id, state, bytes, host }: StoredSandbox): Promise<boolean> {
  if (!process.stdin.isTTY) {
    throw new AfterlogError(
      'USAGE',
      'There is no terminal to ask at whether this is meant; say --yes if it is.',
    );
  }
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const what = `${harmless(id)} (${state}, of host ${harmless(host)}, ${humanBytes(bytes)})`;
    const answer = await terminal.question(`Erase all logs of ${what} for good? Type yes: `);
    return answer.trim() === 'yes';
  } finally {
    terminal.close();
  }
}
