import { startAgent } from '../../src/agent/agent.ts';
import { explain } from '../../src/base/errors.ts';
import type { Settings } from '../../src/config/settings.ts';
import { AGENT_READY } from './agent_ready.ts';
import { overrideLimits } from './limits.ts';

/**
 * A real agent in its own process, so that tests can kill it. argv[2]: settings as JSON; argv[3]: a user id
 * to run as. It prints AGENT_READY to stderr after the messages of its start. SIGTERM stops it cleanly. It
 * answers a message `{flush: id}` when the flush is done.
 */
// Nothing is delivered: tests wait for no outage to be told from a slow destination.
overrideLimits({ fair: { outage_ms: 0 } });
const settings = JSON.parse(process.argv[2]!) as Settings;
if (process.argv[3] !== undefined) process.setuid!(Number(process.argv[3]));
try {
  const agent = await startAgent(settings);
  process.on('SIGTERM', () => {
    void agent.stop().then(() => process.exit(0));
  });
  process.on('message', ({ flush }: { flush: string }) => {
    agent.flush(flush).then(
      () => process.send!({ flush }),
      (error: unknown) => process.send!({ flush, failed: explain(error) }),
    );
  });
  // Ends with the test that started it.
  process.on('disconnect', () => process.exit(1));
  process.stderr.write(`${AGENT_READY}\n`);
} catch (error) {
  process.stderr.write(`${explain(error)}\n`);
  process.exit(1);
}
