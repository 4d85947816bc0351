import { setTimeout as sleep } from 'node:timers/promises';
import type { ClickHouseClient } from '@clickhouse/client';
import type { AgentStatus } from '../agent.ts';
import { limits } from '../config/limits.ts';
import { reasonOf } from '../errors.ts';
import { createComparer } from './compare.ts';
import { readStored } from './figures.ts';
import type { Fleet } from './fleet.ts';
import { renderScreen, type View } from './screen.ts';
import type { Terminal } from './terminal.ts';
import { byteText } from './text.ts';

export interface Show {
  /** One line that says what came of it. Looks at ClickHouse once more. */
  summary(): Promise<string>;
  /** Waits, within a bound, until the last deleted sandboxes are compared. */
  settle(): Promise<void>;
  /** Ends the drawing. */
  stop(): Promise<void>;
}

/** Draws the demo's screen until stopped; without a terminal it prints a plain line now and then. */
export function startShow(parts: {
  terminal: Terminal;
  client: ClickHouseClient;
  database: string;
  fleet: Fleet;
  agent: { status(): AgentStatus };
  way: string;
  address: string;
}): Show {
  const { terminal, client, database, fleet } = parts;
  const started_ms = Date.now();
  const ended = new AbortController();
  const comparer = createComparer(client, database, fleet);
  const rate = createRate(() => fleet.status().lines);
  let stored: View['stored'] = null;
  let trouble: string | null = null;

  const look = async (): Promise<void> => {
    try {
      stored = await readStored(client, database, fleet, limits.demo_recent_max);
      await comparer.look();
      trouble = null;
    } catch (error) {
      trouble = reasonOf(error);
    }
  };
  const view = (): View => ({
    elapsed_ms: Date.now() - started_ms,
    way: parts.way,
    fleet: fleet.status(),
    lines_rate: rate(),
    agent: parts.agent.status(),
    stored,
    compared: comparer.compared(),
    trouble,
    address: parts.address,
  });
  const every = async (ms: number, work: () => void | Promise<void>): Promise<void> => {
    while (!ended.signal.aborted) {
      await sleep(ms, undefined, { signal: ended.signal }).catch(() => {});
      if (!ended.signal.aborted) await work();
    }
  };
  const show = (): void => {
    if (terminal.live) terminal.draw(renderScreen(view(), terminal.columns(), terminal.rows()));
    else terminal.print(statusLine(view()));
  };
  const loops = [
    every(limits.demo_look_ms, look),
    every(terminal.live ? limits.demo_draw_ms : limits.demo_line_ms, show),
  ];
  return {
    summary: async () => {
      await look();
      return summaryLine(view());
    },
    settle: async () => {
      const until_ms = Date.now() + limits.demo_settle_ms;
      do await look();
      while (comparer.compared().waiting > 0 && Date.now() < until_ms && (await sleep(200, true)));
    },
    stop: async () => {
      ended.abort();
      await Promise.all(loops);
      terminal.clear();
    },
  };
}

/** Growth of a count per second, over the last seconds. */
function createRate(count: () => number): () => number {
  let seen: { at_ms: number; count: number }[] = [];
  return () => {
    const now = { at_ms: performance.now(), count: count() };
    seen = [...seen.filter((sample) => now.at_ms - sample.at_ms < 5_000), now];
    const first = seen[0]!;
    return ((now.count - first.count) * 1000) / Math.max(1, now.at_ms - first.at_ms);
  };
}

/** For a pipe: names and values without units or escape codes. */
export function statusLine(view: View): string {
  const { fleet, stored, compared } = view;
  const values: Record<string, string | number> = {
    alive: fleet.alive,
    deleted: fleet.deleted,
    crashed: fleet.crashed,
    lines: fleet.lines,
    bytes: fleet.bytes,
    rows: stored?.rows ?? 0,
    behind_s: stored?.behind_ms == null ? '-' : (stored.behind_ms / 1000).toFixed(1),
    spool_bytes: view.agent.spool_bytes,
    compared: compared.whole,
    waiting: compared.waiting,
    lost_bytes: compared.lost_bytes,
    differing: compared.wrong.length,
  };
  const trouble = view.trouble === null ? '' : ` trouble=${JSON.stringify(view.trouble)}`;
  const fields = Object.entries(values).map(([name, value]) => `${name}=${value}`);
  return `${new Date().toISOString().slice(11, 19)} ${fields.join(' ')}${trouble}`;
}

function summaryLine(view: View): string {
  const { fleet, compared, stored } = view;
  const { whole, wrong, lost_bytes, waiting } = compared;
  const outcome =
    wrong.length > 0
      ? `${wrong.length} differ (${byteText(lost_bytes)} lost): ${wrong.join(', ')}`
      : `${whole} compared byte for byte, 0 bytes lost`;
  const open = waiting > 0 ? `, ${waiting} not complete yet` : '';
  const kept =
    view.trouble === null
      ? `${count(stored?.rows ?? 0)} rows are kept for the next start.`
      : `ClickHouse could not be asked any more: ${view.trouble}`;
  return (
    `Ran ${fleet.started} sandboxes, ${byteText(fleet.bytes)} in ${count(fleet.lines)} lines. ` +
    `${fleet.deleted} were deleted: ${outcome}${open}. ${kept}`
  );
}

const count = (value: number): string => value.toLocaleString('en-US');
