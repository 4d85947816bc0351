import { AfterlogError } from '../../base/errors.ts';
import { limits } from '../../base/limits.ts';
import type { Settings } from '../../config/settings.ts';
import { openStore } from '../../store/query.ts';
import {
  type Boot,
  type BootCrashFilter,
  type BootOutcome,
  type BootSummary,
  listBoots,
  outcomes,
  summarizeBoots,
} from '../../store/read/boots.ts';
import { shortTime, table } from '../format.ts';
import { type Color, painters, type TextStyle } from '../log_text.ts';
import { jsonLine, print } from '../output.ts';

export interface BootCrashFlags {
  /** ns since 1970. */
  since?: bigint;
  until?: bigint;
  template?: string;
  host?: string;
  sandbox?: string;
  limit: number;
  json?: boolean;
  color: Color;
}

const styles: Record<BootOutcome, TextStyle> = {
  ready: 'green',
  booting: 'cyan',
  panicked: 'red',
  no_init: 'red',
  no_rootfs: 'red',
  oom: 'red',
  hung: 'red',
  vm_died: 'red',
  not_ready: 'yellow',
};

/** `afterlog boots`: the boots, newest first, and a summary of their outcomes. */
export async function boots(
  settings: Settings,
  options: BootCrashFlags & { failed?: boolean },
): Promise<void> {
  const filter = filterOf(options);
  const store = openStore(settings);
  try {
    const listing = listBoots(store, { ...filter, failed: options.failed }, options.limit);
    if (options.json) {
      await print((await listing).map(jsonLine).join(''));
      return;
    }
    const [found, summary] = await Promise.all([listing, summarizeBoots(store, filter)]);
    if (found.length > 0) await print(`${bootTable(found, options.color)}\n`);
    await print(`${summaryText(summary)} ${period(options)}\n`);
    const all = Object.entries(summary.outcomes)
      .filter(([outcome]) => !options.failed || !['ready', 'booting'].includes(outcome))
      .reduce((sum, [, count]) => sum + count, 0);
    if (all > found.length) console.error(`Showing the last ${found.length}; use --limit for more.`);
  } finally {
    await store.client.close();
  }
}

function bootTable(found: Boot[], color: Color): string {
  const paint = painters[color];
  const rows = found.map((boot) => [
    shortTime(boot.started_at.slice(0, -1)),
    boot.sandbox_id,
    boot.outcome,
    boot.ready_seconds === null ? '' : secondsText(boot.ready_seconds),
    boot.template,
    boot.host,
    boot.title,
  ]);
  return table(['STARTED', 'SANDBOX', 'OUTCOME', 'READY', 'TEMPLATE', 'HOST', 'TITLE'], rows, {
    right: ['READY'],
    width: process.stdout.columns,
    paint: (cell, row, column) => {
      const boot = found[row];
      if (boot === undefined) return cell;
      if (column === 'STARTED') return paint('dim', cell);
      return column === 'OUTCOME' ? paint(styles[boot.outcome], cell) : cell;
    },
  });
}

/** `43 boots: 38 ready (p50 0.90 s, p99 2.10 s), 5 failed: 3 panicked, 2 no_init;` */
export function summaryText({ outcomes: counts, ready_p50, ready_p99 }: BootSummary): string {
  const { ready = 0, booting = 0 } = counts;
  const all = Object.values(counts).reduce((sum, count) => sum + count, 0);
  const failed = all - ready - booting;
  const causes = outcomes
    .filter((outcome) => !['ready', 'booting'].includes(outcome) && (counts[outcome] ?? 0) > 0)
    .toSorted((a, b) => counts[b]! - counts[a]!)
    .map((outcome) => `${counts[outcome]} ${outcome}`);
  const within =
    ready_p50 === null || ready_p99 === null
      ? ''
      : ` (p50 ${secondsText(ready_p50)}, p99 ${secondsText(ready_p99)})`;
  const parts = [`${ready} ready${within}`];
  if (booting > 0) parts.push(`${booting} booting`);
  parts.push(`${failed} failed${causes.length > 0 ? `: ${causes.join(', ')}` : ''}`);
  return all === 0 ? 'No boots' : `${all} boot${all === 1 ? '' : 's'}: ${parts.join(', ')};`;
}

const secondsText = (seconds: number): string =>
  seconds < 100 ? `${seconds.toFixed(seconds < 10 ? 2 : 1)} s` : `${Math.round(seconds)} s`;

/**
 * The filter of the options; without `--since` the last 24 hours before `--until`.
 * @throws AfterlogError USAGE
 */
export function filterOf({ since, until, template, host, sandbox }: BootCrashFlags): BootCrashFilter {
  if (since !== undefined && until !== undefined && since >= until) {
    throw new AfterlogError('USAGE', 'Option --until must be later than --since.');
  }
  const end = until ?? BigInt(Date.now()) * 1_000_000n;
  return {
    since: since ?? end - BigInt(limits.question.boots_ago_ms) * 1_000_000n,
    ...{ until, template, host, sandbox_id: sandbox },
  };
}

export function period({ since, until }: BootCrashFlags): string {
  if (since === undefined && until === undefined) return 'in the last 24 hours.';
  const timeText = (ns: bigint): string => shortTime(new Date(Number(ns / 1_000_000n)).toISOString());
  const from = since ?? until! - BigInt(limits.question.boots_ago_ms) * 1_000_000n;
  return `since ${timeText(from)}${until === undefined ? '' : `, until ${timeText(until)}`}.`;
}
