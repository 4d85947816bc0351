import { harmless } from '../../base/text.ts';
import type { Settings } from '../../config/settings.ts';
import { openStore, type Store } from '../../store/query.ts';
import type { Severity } from '../../store/read/line_filter.ts';
import {
  type SearchFilter,
  type SearchPlace,
  type Surrounded,
  search as searchLines,
  surround,
} from '../../store/read/search.ts';
import { type Color, createLogText } from '../log_text.ts';
import { jsonLine, print } from '../output.ts';
import { jsonOf } from './logs.ts';

export interface SearchFlags {
  sandbox?: string;
  log?: string;
  source?: string[];
  severity?: Severity;
  since?: bigint;
  until?: bigint;
  limit: number;
  context: number;
  json?: boolean;
  color: Color;
}

/**
 * `afterlog search TEXT`.
 * @returns the exit code: 1 if no line contains the text, like grep
 * @throws AfterlogError QUERY_TOO_BROAD
 */
export async function search(settings: Settings, text: string, options: SearchFlags): Promise<number> {
  const { source: sources, severity, since, until, sandbox: sandbox_id, log } = options;
  const store = openStore(settings);
  const what: SearchFilter = {
    filter: { text, sources, severity, since, until },
    workspace: null,
    sandbox_id,
    log,
  };
  try {
    return await show(store, what, options);
  } finally {
    await store.client.close();
  }
}

async function show(store: Store, what: SearchFilter, options: SearchFlags): Promise<number> {
  const shown = options.json ? jsonText : createText(options);
  let left = options.limit;
  let from: SearchPlace | null = null;
  do {
    // A page may be short if the search takes long.
    const page = await searchLines(store, what, left, from);
    const found = await surround(store, page.rows, options.context, null);
    await print(found.map(shown).join(''));
    left -= page.rows.length;
    from = page.next;
  } while (from !== null && left > 0);
  if (left === options.limit) console.error('No line contains the text.');
  else if (from !== null) console.error(`Showing the newest ${options.limit}; use --limit for more.`);
  return left === options.limit ? 1 : 0;
}

const whole = { went_on: false, goes_on: false };

function jsonText({ row, before, after }: Surrounded): string {
  const { sandbox_id, log, host, workspace, template } = row;
  const around = (rows: Surrounded['before']): object[] => rows.map((one) => jsonOf({ ...one, ...whole }));
  const line = jsonOf({ ...row, ...whole });
  return jsonLine({
    sandbox_id,
    log,
    host,
    workspace,
    template,
    line,
    before: around(before),
    after: around(after),
  });
}

/** Like grep: `id:` before a line that was found, `id-` before the lines around it. */
function createText({ color, context }: SearchFlags): (found: Surrounded) => string {
  const textOf = createLogText(color);
  let isFirst = true;
  return ({ row, before, after }) => {
    const name = harmless(row.log === 'console' ? row.sandbox_id : `${row.sandbox_id}/${row.log}`);
    const lines = [
      ...before.map((one) => `${name}- ${textOf({ ...one, ...whole })}\n`),
      `${name}: ${textOf({ ...row, ...whole })}\n`,
      ...after.map((one) => `${name}- ${textOf({ ...one, ...whole })}\n`),
    ];
    const mark = context > 0 && !isFirst ? '--\n' : '';
    isFirst = false;
    return mark + lines.join('');
  };
}
