/**
 * Measures how many of 1,000 short-lived sandboxes are captured by the agent, and by chokidar's `add` event
 * in the same run.
 *
 *   node bench/capture.ts [--sandboxes 1000] [--lives 10,50,500] [--alive 20,200]
 *
 * A writer process keeps `--alive` sandboxes alive at a time. Each gets a console.log at once, more lines in
 * the middle and at the end of its life, and is then deleted. The script prints one table: a sandbox is whole
 * if all its bytes were captured, partial if only some were.
 */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { SpoolRows } from '../test/support/spool_rows.ts';
import { AgentProcess, cpuSeconds, printTable, reached, Script } from './process.ts';
import { consoleOf } from './short_life.ts';

const { values } = parseArgs({
  options: {
    sandboxes: { type: 'string', default: '1000' },
    lives: { type: 'string', default: '10,50,500' },
    alive: { type: 'string', default: '20,200' },
  },
});
const sandboxes = Number(values.sandboxes);

interface Captured {
  /** The captured bytes of a sandbox's console. */
  of(id: string): Buffer | null;
  /** How many consoles are sealed as complete; null if the watcher makes no such claim. */
  complete: number | null;
  cpu_s: number;
}

interface Watcher {
  ready(): Promise<void>;
  /** Called after the writer has ended: waits for pending work, and stops the watcher. */
  finish(): Promise<Captured>;
}

/** The real agent, without a reachable ClickHouse, so that all batches stay in its spool. */
function agentOn(dir: string): Watcher {
  const agent = new AgentProcess(dir, 'http://127.0.0.1:1');
  const pins = join(dir, '.afterlog', 'pins');
  return {
    ready: () => agent.start(),
    async finish() {
      await reached('an agent that holds nothing', () => readdirSync(pins).length === 0);
      await sleep(500);
      const cpu_s = cpuSeconds(agent.pid);
      await agent.end('SIGKILL');
      const spool = new SpoolRows(join(dir, '.afterlog', 'spool')).poll();
      const lines = spool.rows.filter((row) => row.record === 'line' && row.log === 'console');
      const seals = spool.rows.filter((row) => row.record === 'seal' && row.log === 'console');
      spool.close();
      const bySandbox = Map.groupBy(lines, (row) => row.sandbox);
      return {
        cpu_s,
        complete: seals.filter(({ message }) => JSON.parse(message).complete).length,
        of: (id) => {
          const rows = bySandbox.get(id)?.sort((a, b) => a.position - b.position);
          return rows === undefined ? null : Buffer.concat(rows.map((row) => row.bytes));
        },
      };
    },
  };
}

/** chokidar, with a hard link for each reported file: a reader could read the linked files. */
function chokidarOn(dir: string): Watcher {
  const links = join(dir, 'links');
  mkdirSync(links);
  const script = new Script('chokidar_links.ts', [join(dir, 'vms'), links]);
  return {
    ready: async () => void (await script.said()),
    async finish() {
      await sleep(1_000);
      const cpu_s = cpuSeconds(script.pid);
      await script.end('SIGKILL');
      const names = new Set(readdirSync(links));
      return { cpu_s, complete: null, of: (id) => (names.has(id) ? readFileSync(join(links, id)) : null) };
    },
  };
}

const table: (string | number)[][] = [
  ['watcher', 'alive', 'life ms', 'lived ms', 'whole', 'partial', 'missed', 'complete', 'CPU s'],
];
for (const alive of values.alive.split(',')) {
  for (const life_ms of values.lives.split(',')) {
    for (const [name, watcherOn] of [
      ['afterlog agent', agentOn],
      ['chokidar add', chokidarOn],
    ] as const) {
      const dir = mkdtempSync(join(tmpdir(), 'afterlog-capture-'));
      mkdirSync(join(dir, 'vms'));
      const watcher = watcherOn(dir);
      await watcher.ready();
      const writer = new Script('short_life.ts', [join(dir, 'vms'), String(sandboxes), alive, life_ms]);
      const lived_ms = (await writer.result()).trim();
      const captured = await watcher.finish();
      const counts = { whole: 0, partial: 0, missed: 0 };
      for (let index = 0; index < sandboxes; index++) {
        const { id, bytes } = consoleOf(index);
        const found = captured.of(id);
        if (found === null || found.length === 0) counts.missed++;
        else counts[found.equals(bytes) ? 'whole' : 'partial']++;
      }
      const { whole, partial, missed } = counts;
      const rest = [captured.complete ?? '–', captured.cpu_s.toFixed(2)];
      table.push([name, alive, life_ms, lived_ms, whole, partial, missed, ...rest]);
      console.log(table.at(-1)!.join('  '));
      rmSync(dir, { recursive: true, force: true });
    }
  }
}
printTable(table);
