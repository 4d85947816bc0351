import { setTimeout as sleep } from 'node:timers/promises';
import { AfterlogError } from '../../base/errors.ts';
import { limits } from '../../base/limits.ts';
import { harmless } from '../../base/text.ts';
import type { Settings } from '../../config/settings.ts';
import { openStore } from '../../store/query.ts';
import { waitForText } from '../../store/read/find_text.ts';
import { followLog } from '../../store/read/follow_log.ts';
import type { Severity } from '../../store/read/line_filter.ts';
import { type LogPlace, lastRow } from '../../store/read/read_log.ts';
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
  const id = { sandbox_id, log: options.log, workspace: null };
  const signal = AbortSignal.timeout(timeout * 1_000);
  const wanted = { text, filter: { sources, severity, since }, after: null };
  const follow = (after: LogPlace | null): ReturnType<typeof followLog> =>
    followLog(store, id, { after, signal, onTrouble: sayTrouble });
  try {
    const line = await patiently(signal, async () =>
      waitForText(store, id, wanted, await lastRow(store, id), follow),
    );
    if (line === 'ended') {
      const what = `Sandbox '${harmless(sandbox_id)}' was deleted, and no line contains the text.`;
      throw new AfterlogError('LOG_ENDED', what);
    }
    if (line !== null) {
      await print(options.json ? jsonLine(jsonOf(line)) : `${createLogText('auto')(line)}\n`);
      return;
    }
    throw new AfterlogError('WAIT_TIMEOUT', `No line contained the text within ${timeout} s.`);
  } finally {
    await store.client.close();
  }
}

/** Tries again while ClickHouse does not answer. @returns null at the signal */
async function patiently<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T | null> {
  let trouble: AfterlogError | null = null;
  while (!signal.aborted) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof AfterlogError)) throw error;
      if (error.code !== trouble?.code) sayTrouble(error);
      trouble = error;
      await sleep(limits.send.retry_first_ms, undefined, { signal }).catch(() => {});
    }
  }
  return null;
}
