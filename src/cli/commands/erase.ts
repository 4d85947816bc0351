import { AfterlogError } from '../../base/errors.ts';
import { limits } from '../../base/limits.ts';
import { harmless, humanBytes } from '../../base/text.ts';
import type { Settings } from '../../config/settings.ts';
import { Agents } from '../../serve/agents/agents.ts';
import { waitForAllLogs } from '../../serve/agents/last_bytes.ts';
import { erase as eraseStored } from '../../store/care/erase.ts';
import { openStore } from '../../store/query.ts';
import { getSandbox, type StoredSandbox } from '../../store/read/sandboxes.ts';
import { countText } from '../../store/record.ts';
import { isConfirmed } from '../confirm.ts';
import { jsonLine, print } from '../output.ts';

export interface EraseOptions {
  yes?: boolean;
  json?: boolean;
}

/**
 * `afterlog erase ID`: asks for confirmation, then erases the stored logs of a sandbox.
 * @returns the exit code: 1 if it was not confirmed, or ClickHouse is not done yet
 * @throws AfterlogError USAGE (no terminal to ask), SANDBOX_UNKNOWN, and the errors of erasing
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
    if (options.yes !== true && !(await isConfirmed(questionOf(sandbox)))) {
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
        ' ClickHouse removes them in the background. Run the command again to see whether it is done.';
      await print(`${isDone ? 'Erased' : 'Erasing'}: ${what}.${isDone ? '' : still}\n`);
    }
    if (alive) {
      console.error(
        'The sandbox is not deleted: new lines are still stored. Erase again after its deletion.',
      );
    }
    return isDone ? 0 : 1;
  } finally {
    await store.client.close();
  }
}

function questionOf({ id, state, bytes, host }: StoredSandbox): string {
  const what = `${harmless(id)} (${state}, of host ${harmless(host)}, ${humanBytes(bytes)})`;
  return `Permanently erase all logs of ${what}?`;
}
