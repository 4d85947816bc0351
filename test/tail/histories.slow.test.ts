import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { limits } from '../../src/base/limits.ts';
import { overrideLimits } from '../support/limits.ts';
import { fc, seed } from '../support/property.ts';
import { real, SimulatedAgent } from '../support/simulated_agent.ts';
import { makeRedactor, textWith } from './histories/content.ts';
import { History } from './histories/history.ts';
import { histories } from './histories/moves/moves.ts';
import { runHistory } from './histories/run_history.ts';
import { worlds } from './histories/world.ts';

/**
 * Thousands of made-up histories of files and agent, against a model that knows nothing of how the agent works. Other
 * than `model.slow.test.ts`, whose agents are processes that are really killed, these run in simulated time, die at any
 * single file-system call, and have things happen between any two of them.
 *
 *   TEST_SEED=N                other histories: without it, they are the same in every run
 *   TEST_SEED=N TEST_PATH=P    what failed, as it was printed
 *   TEST_HISTORIES=N           a longer run
 */
const HISTORIES = Number(process.env.TEST_HISTORIES ?? 2_000);
/** On a slow machine fewer are made up, unless their number is given. */
const BUDGET_MS = process.env.TEST_HISTORIES ? Number.POSITIVE_INFINITY : 240_000;

/** Limits of a world where two sandboxes are soon over their share, also of memory. */
const TIGHT = {
  fair: { window_bytes_min: 20_000, window_bytes_max: 20_000, share_bytes_min: 2_000 },
  tail: { sums_bytes_max: 1_000 },
};

async function runHistories(
  t: TestContext,
  count: number,
  budget_ms: number,
  redacts: boolean,
): Promise<void> {
  const memory = process.env.TEST_MEMORY ?? tmpdir();
  const end_ms = performance.now() + budget_ms;
  let made = 0;
  const met = new Map<string, number>();
  await fc.assert(
    fc.asyncProperty(worlds(redacts), histories(textWith(redacts)), async (world, steps) => {
      if (performance.now() > end_ms) return;
      made++;
      const dir = real.mkdtempSync(join(memory, 'afterlog-histories-'));
      real.mkdirSync(join(dir, 'data', 'vms'), { recursive: true });
      const [dataDir, stateDir] = [join(dir, 'data'), join(dir, 'state')];
      const redactor = redacts ? makeRedactor : undefined;
      const agent = new SimulatedAgent(dataDir, stateDir, undefined, redactor, world.files);
      const history = new History(dir, agent, world);
      const usual = { fair: { ...limits.fair }, tail: { sums_bytes_max: limits.tail.sums_bytes_max } };
      if (world.isTight) overrideLimits(TIGHT);
      agent.install();
      try {
        await runHistory(history, steps);
      } finally {
        agent.uninstall();
        overrideLimits(usual);
        history.close();
        real.rmSync(dir, { recursive: true, force: true });
        history.met.add(`births ${world.files.births}`).add(`links ${world.files.links}`);
        for (const move of history.met) met.set(move, (met.get(move) ?? 0) + 1);
      }
    }),
    { numRuns: count, seed, ...(process.env.TEST_PATH && { path: process.env.TEST_PATH }) },
  );
  const counts = [...met].sort(([, a], [, b]) => b - a).map(([move, times]) => `${move} ${times}`);
  t.diagnostic(`seed ${seed}, ${made} histories; of them met: ${counts.join(', ')}`);
}

test(`${HISTORIES} made-up histories: the streams hold what was written, whatever happens between any two calls`, (t) =>
  runHistories(t, HISTORIES, BUDGET_MS, false));

const REDACTED = Math.ceil(HISTORIES / 4);
test(`${REDACTED} made-up histories with secrets: the streams hold all but these, each hidden as if it had come whole`, (t) =>
  runHistories(t, REDACTED, BUDGET_MS / 4, true));
