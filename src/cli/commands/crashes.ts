import type { Settings } from '../../config/settings.ts';
import { openStore, type Store } from '../../store/query.ts';
import {
  type Cause,
  type Crash,
  type CrashFilter,
  listCauses,
  listCrashes,
} from '../../store/read/crashes.ts';
import { shortTime, table } from '../format.ts';
import { type Color, painters } from '../log_text.ts';
import { jsonLine, print } from '../output.ts';
import { type BootCrashFlags, filterOf, period } from './boots.ts';

export interface CrashesOptions extends BootCrashFlags {
  each?: boolean;
  new?: boolean;
  title?: string;
}

/** `afterlog crashes`: their causes, the most frequent first; with `--each` the crashes, newest first. */
export async function crashes(settings: Settings, options: CrashesOptions): Promise<void> {
  const filter: CrashFilter = { ...filterOf(options), title: options.title };
  const store = openStore(settings);
  try {
    if (options.each) await printEach(store, filter, options);
    else await printCauses(store, filter, options);
  } finally {
    await store.client.close();
  }
}

async function printCauses(store: Store, filter: CrashFilter, options: CrashesOptions): Promise<void> {
  // Requests one more than it shows, to know whether there are more.
  const all = await listCauses(store, filter, options.limit + 1);
  const found = all.slice(0, options.limit);
  const shown = options.new ? found.filter(({ is_new }) => is_new) : found;
  if (options.json) {
    await print(shown.map(jsonLine).join(''));
    return;
  }
  const what = options.new ? 'new cause' : 'cause';
  if (shown.length === 0) await print(`No ${what} of crashes ${period(options)}\n`);
  else {
    await print(`${causeTable(shown, options.color)}\n`);
    const crashed = shown.reduce((sum, cause) => sum + cause.crashes, 0);
    const news = shown.filter(({ is_new }) => is_new).length;
    await print(
      `${crashed} crash${crashed === 1 ? '' : 'es'} of ${shown.length} ${what}${shown.length === 1 ? '' : 's'}` +
        `${options.new || news === 0 ? '' : `, ${news} of them new`}; ${period(options)}\n`,
    );
  }
  sayMore(all.length > found.length, found.length);
}

async function printEach(store: Store, filter: CrashFilter, options: CrashesOptions): Promise<void> {
  const all = await listCrashes(store, filter, options.limit + 1);
  const shown = all.slice(0, options.limit);
  if (options.json) {
    await print(shown.map(jsonLine).join(''));
    return;
  }
  if (shown.length === 0) await print(`No crash ${period(options)}\n`);
  else await print(crashTable(shown, options.color));
  sayMore(all.length > shown.length, shown.length);
}

function sayMore(isMore: boolean, shown: number): void {
  if (isMore) console.error(`Showing the first ${shown}; use --limit for more.`);
}

function causeTable(shown: Cause[], color: Color): string {
  const paint = painters[color];
  const rows = shown.map((cause) => [
    String(cause.crashes),
    String(cause.sandboxes),
    cause.is_new ? 'new' : shortTime(cause.first_ever).slice(0, 16),
    shortTime(cause.last_seen.slice(0, -1)),
    some(cause.templates),
    some(cause.hosts),
    cause.last_sandbox,
    cause.event,
    cause.title,
  ]);
  const header = [
    'CRASHES',
    'SANDBOXES',
    'SINCE',
    'LAST SEEN',
    'TEMPLATE',
    'HOST',
    'LAST IN',
    'EVENT',
    'TITLE',
  ];
  return table(header, rows, {
    right: ['CRASHES', 'SANDBOXES'],
    width: process.stdout.columns,
    paint: (cell, row, column) => {
      const cause = shown[row];
      if (cause === undefined) return cell;
      if (column === 'SINCE') return cause.is_new ? paint('yellow', cell) : paint('dim', cell);
      if (column === 'LAST SEEN') return paint('dim', cell);
      return column === 'EVENT' ? paint('red', cell) : cell;
    },
  });
}

function crashTable(shown: Crash[], color: Color): string {
  const paint = painters[color];
  const rows = shown.map((crash) => [
    shortTime(crash.last_seen.slice(0, -1)),
    crash.sandbox_id,
    String(crash.occurrences),
    crash.template,
    crash.host,
    crash.event,
    crash.title,
  ]);
  return table(['LAST SEEN', 'SANDBOX', 'TIMES', 'TEMPLATE', 'HOST', 'EVENT', 'TITLE'], rows, {
    right: ['TIMES'],
    width: process.stdout.columns,
    paint: (cell, row, column) => {
      if (row < 0) return cell;
      if (column === 'LAST SEEN') return paint('dim', cell);
      return column === 'EVENT' ? paint('red', cell) : cell;
    },
  });
}

/** `python, go`, `python and 3 more` */
function some(names: string[]): string {
  const known = names.filter((name) => name !== '');
  return known.length <= 2 ? known.join(', ') : `${known[0]} and ${known.length - 1} more`;
}
