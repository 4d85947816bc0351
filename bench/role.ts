/**
 * Runs one role for a bench: `node bench/role.ts agent|consumer UNTIL`, with settings from AFTERLOG_*. It
 * stops after UNTIL bytes (read and delivered by an agent) or rows (stored by a consumer), and prints one
 * JSON line: CPU-seconds of this process, peak memory in MB, status.
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
