import { limits } from '../../base/limits.ts';
import { harmless } from '../../base/text.ts';
import type { Settings } from '../../config/settings.ts';
import { type Lacking, rebuild as rebuildTables } from '../../store/care/rebuild.ts';
import { derivedTables } from '../../store/land/derive.ts';
import { openStore } from '../../store/query.ts';
import { shortTime, timeOf } from '../format.ts';
import { jsonLine, print } from '../output.ts';

export interface RebuildOptions {
  check?: boolean;
  json?: boolean;
}

/**
 * `afterlog rebuild [--check]`: repairs the tables that are derived from the rows of console_logs.
 * @returns the exit code: 1 if a check found a table out of date
 */
export async function rebuild(settings: Settings, options: RebuildOptions): Promise<number> {
  const store = openStore(settings);
  const mend = options.check !== true;
  let lacking = 0;
  const lackingOf = new Map<string, number>();
  try {
    for await (const piece of rebuildTables(store, { mend })) {
      const named = piece.slice(0, Math.max(0, limits.rebuild.named - lacking));
      lacking += piece.length;
      for (const { table } of piece) lackingOf.set(table, (lackingOf.get(table) ?? 0) + 1);
      for (const one of named) await print(options.json ? jsonLine(jsonOf(one, mend)) : lineOf(one, mend));
    }
  } finally {
    await store.client.close();
  }
  const nameOf = (table: string): string => `${store.database}.${table}`;
  const what = [...lackingOf].map(
    ([table, count]) => `${count} stream${count === 1 ? '' : 's'} in ${nameOf(table)}`,
  );
  if (options.json) await print(jsonLine({ lacking, mended: mend && lacking > 0 }));
  else if (lacking === 0) {
    await print(`${derivedTables.map(nameOf).join(' and ')} agree with the rows of console_logs.\n`);
  } else if (mend) await print(`Rebuilt: ${what.join(', ')}.\n`);
  else await print(`Out of date: ${what.join(', ')}. Run \`afterlog rebuild\`.\n`);
  return lacking > 0 && !mend ? 1 : 0;
}

const lineOf = ({ table, sandbox_id, log, stream }: Lacking, mended: boolean): string =>
  `${sandbox_id === '' ? 'rows without a sandbox' : harmless(`${sandbox_id} ${log}`)} ` +
  `from ${shortTime(timeOf(stream))}: ${mended ? 'rebuilt' : 'out of date'} in ${table}\n`;

const jsonOf = ({ table, sandbox_id, log, stream }: Lacking, mended: boolean): object => ({
  ...{ table, sandbox_id, log },
  stream_started_at: timeOf(stream),
  mended,
});
