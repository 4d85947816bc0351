/**
 * One role in a process of its own, for the benches: `node bench/role.ts agent|consumer UNTIL`, settings from
 * AFTERLOG_*. Runs until `UNTIL` bytes (agent: read and delivered) or rows (consumer: landed) are reached, then
 * prints one JSON line: CPU-seconds of this process, peak memory in MB, its status.
 */
import { startAgent } from '../src/agent/agent.ts';
import { loadSettings } from '../src/config/settings.ts';
import { startConsumer } from '../src/consume/consumer.ts';

const [role, until] = process.argv.slice(2);
const settings = loadSettings();
const started = performance.now();

if (role === 'agent') {
  const agent = await startAgent(settings);
  await reached(() => agent.status().bytes >= Number(until) && agent.status().spool_bytes === 0);
  report(agent.status());
  await agent.stop();
} else {
  const consumer = await startConsumer(settings);
  await reached(() => consumer.status().rows >= Number(until));
  report(consumer.status());
  await consumer.stop();
}
process.exit(0);

async function reached(isThere: () => boolean): Promise<void> {
  for (let looks = 0; looks < 6_000; looks++) {
    if (isThere()) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error('not done after 5 minutes');
}

function report(status: object): void {
  const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage();
  const seconds = (performance.now() - started) / 1000;
  console.log(
    JSON.stringify({
      cpu_s: (userCPUTime + systemCPUTime) / 1e6,
      user_s: userCPUTime / 1e6,
      wall_s: seconds,
      peak_mb: maxRSS / 1024,
      status,
    }),
  );
}
