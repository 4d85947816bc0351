import { AfterlogError } from '../../base/errors.ts';
import { harmless } from '../../base/text.ts';
import type { Settings } from '../../config/settings.ts';
import { openStore } from '../../store/query.ts';
import { followLog } from '../../store/read/follow_log.ts';
import type { Severity } from '../../store/read/line_filter.ts';
import { createLogText } from '../log_text.ts';
import { jsonLine, print } from '../output.ts';
import { jsonOf, sayTrouble } from './logs.ts';

export interface WaitFlags {
  for: string;
  timeout: number;
  log: string;
  source?: string[];
  severity?: Severity;
  since?: bigint;
  json?: boolean;
}

/**
 * `afterlog wait ID --for TEXT`: prints the first line that contains the text, stored already or new.
 * @throws AfterlogError WAIT_TIMEOUT, LOG_ENDED, and the errors of reading
 */
export async function wait(settings: Settings, sandbox_id: string, options: WaitFlags): Promise<void> {
  const { for: text, timeout, source: sources, severity, since } = options;
  const store = openStore(settings);
  const steps = followLog(
    store,
    { sandbox_id, log: options.log, workspace: null },
    {
      after: null,
      filter: { text, sources, severity, since },
      signal: AbortSignal.timeout(timeout * 1_000),
      onTrouble: sayTrouble,
    },
  );
  try {
    for await (const { rows, end } of steps) {
      const row = rows.find(({ record }) => record === 'line');
      if (row !== undefined) {
        const line = { ...row, went_on: false, goes_on: false };
        await print(options.json ? jsonLine(jsonOf(line)) : `${createLogText('auto')(line)}\n`);
        return;
      }
      if (end !== null) {
        const what = `Sandbox '${harmless(sandbox_id)}' was deleted, and no line contains the text.`;
        throw new AfterlogError('LOG_ENDED', what);
      }
    }
    throw new AfterlogError('WAIT_TIMEOUT', `No line contained the text within ${timeout} s.`);
  } finally {
    await store.client.close();
  }
}
