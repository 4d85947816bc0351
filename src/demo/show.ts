import { setTimeout as sleep } from 'node:timers/promises';
import type { ClickHouseClient } from '@clickhouse/client';
import type { AgentStatus } from '../agent/status.ts';
import { reasonOf } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import { humanBytes } from '../base/text.ts';
import { createComparer } from './compare.ts';
import { createExamples } from './examples.ts';
import { readStored } from './figures.ts';
import type { Finished, Fleet } from './fleet.ts';
import type { Happening, Happenings } from './happenings.ts';
import { renderScreen, type View } from './screen.ts';
import { statusLine, summaryLine } from './status_line.ts';
import type { Terminal } from './terminal.ts';
import { count } from './text.ts';

export interface Show {
  /** One line with the results. Compares with ClickHouse once more. */
  summary(): Promise<string>;
  /** Waits until the last deleted sandboxes are compared, at most limits.demo.settle_ms. */
  settle(): Promise<void>;
  /** Stops drawing. */
  stop(): Promise<void>;
}

/** Draws the demo's screen until `stop`; without a terminal it regularly prints a plain line. */
export function startShow(parts: {
  terminal: Terminal;
  client: ClickHouseClient;
  database: string;
  fleet: Fleet;
  /** Shared with the fleet, which adds its happenings. */
  happenings: Happenings;
  agent: { status(): AgentStatus };
  /** Null without Kafka. */
  consumer: { status(): { lag: number | null } } | null;
  address: string;
}): Show {
  const { terminal, client, database, fleet, happenings } = parts;
  const started_ms = Date.now();
  const ended = new AbortController();
  const examples = createExamples(fleet);
  const rates = createRates(() => fleet.status().lines);
  let stored: View['stored'] = null;
  let trouble: string | null = null;

  const judged = (sandbox: Finished, is_whole: boolean): void => {
    happenings.add(deletion(sandbox, is_whole));
    if (is_whole) examples.whole(sandbox);
  };
  const comparer = createComparer(client, database, fleet, judged);
  const look = async (): Promise<void> => {
    try {
      const failed = happenings.look(Date.now()).filter(({ what }) => what === 'failed');
      stored = await readStored(
        client,
        database,
        fleet.living().map(({ id }) => id),
        failed.map(({ id }) => id),
      );
      await comparer.look();
      trouble = null;
    } catch (error) {
      trouble = reasonOf(error);
    }
  };
  const view = (): View => ({
    elapsed_ms: Date.now() - started_ms,
    fleet: fleet.status(),
    lines_rates: rates(),
    agent: parts.agent.status(),
    kafka_lag: parts.consumer?.status().lag,
    stored,
    compared: comparer.compared(),
    happenings: happenings.look(Date.now()),
    examples: examples.look(),
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
    if (ended.signal.aborted) return;
    if (terminal.live) terminal.draw(renderScreen(view(), terminal.columns(), terminal.rows()));
    else terminal.print(statusLine(view()));
  };
  terminal.onResize(show);
  if (terminal.live) show();
  const loops = [
    every(limits.demo.look_ms, look),
    every(terminal.live ? limits.demo.draw_ms : limits.demo.line_ms, show),
  ];
  return {
    summary: async () => {
      await look();
      return summaryLine(view());
    },
    settle: async () => {
      const until_ms = Date.now() + limits.demo.settle_ms;
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

function deletion(sandbox: Finished, is_whole: boolean): Happening {
  const { id, written, started_at_ms, deleted_at_ms } = sandbox;
  const logs = Object.values(written);
  const lines = count(logs.reduce((sum, log) => sum + log.lines, 0));
  const size = humanBytes(logs.reduce((sum, log) => sum + log.bytes, 0));
  const seconds = Math.round((deleted_at_ms - started_at_ms) / 1000);
  const at_ms = Date.now();
  return is_whole
    ? { at_ms, id, what: 'deleted', how: `all ${lines} lines kept (${size}), lived ${seconds} s` }
    : { at_ms, id, what: 'lost', how: `some of its ${lines} lines (${size}) are not in ClickHouse` };
}

/** Measures the increase of a count per second, for each of the last seconds, oldest first. */
function createRates(read: () => number): () => number[] {
  let rates: number[] = [];
  let last = { at_ms: performance.now(), value: read() };
  return () => {
    const now = { at_ms: performance.now(), value: read() };
    const passed_ms = now.at_ms - last.at_ms;
    if (passed_ms >= 1_000) {
      rates = [...rates, ((now.value - last.value) * 1000) / passed_ms].slice(-limits.demo.curve_max);
      last = now;
    }
    return rates;
  };
}
