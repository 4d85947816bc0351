import { limits } from '../../config/limits.ts';
import type { Settings } from '../../config/settings.ts';
import { openStore } from '../../store/read.ts';
import { type Lacking, rebuildStreams } from '../../store/rebuild.ts';
import { harmless, shortTime, timeOf } from '../format.ts';
import { jsonLine, print } from '../output.ts';

export interface RebuildOptions {
  check?: boolean;
  json?: boolean;
}

/**
 * `afterlog rebuild [--check]`: makes the table `streams` agree with the rows again.
 * @returns the exit code: 1 if a check found that it does not
 */
export async function rebuild(settings: Settings, options: RebuildOptions): Promise<number> {
  const store = openStore(settings);
  const mend = options.check !== true;
  let lacking = 0;
  try {
    for await (const piece of rebuildStreams(store, { mend })) {
      const named = piece.slice(0, Math.max(0, limits.rebuild_named - lacking));
      lacking += piece.length;
      for (const one of named) await print(options.json ? jsonLine(jsonOf(one, mend)) : lineOf(one, mend));
    }
  } finally {
    await store.client.close();
  }
  const what = `${lacking} stream${lacking === 1 ? '' : 's'}`;
  if (options.json) await print(jsonLine({ lacking, mended: mend && lacking > 0 }));
  else if (lacking === 0) await print(`${store.database}.streams agrees with the rows of console_logs.\n`);
  else if (mend) await print(`${what} made again in ${store.database}.streams.\n`);
  else
    await print(`${what} of ${store.database}.streams lack what their rows say: run \`afterlog rebuild\`.\n`);
  return lacking > 0 && !mend ? 1 : 0;
}

const lineOf = ({ sandbox_id, log, stream }: Lacking, mended: boolean): string =>
  `${sandbox_id === '' ? 'rows that name no sandbox' : `${harmless(sandbox_id)} ${log}`} ` +
  `from ${shortTime(timeOf(stream))}: ${mended ? 'made again' : 'lacking'}\n`;

const jsonOf = ({ sandbox_id, log, stream }: Lacking, mended: boolean): object => ({
  ...{ sandbox_id, log },
  stream_started_at: timeOf(stream),
  mended,
});
