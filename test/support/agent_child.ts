import { startAgent } from '../../src/agent/agent.ts';
import { explain } from '../../src/base/errors.ts';
import type { Settings } from '../../src/config/settings.ts';
import { AGENT_READY } from './agent_ready.ts';

/**
 * A real agent as a process of its own, so that a kill is a kill. argv[2]: settings as JSON. Says AGENT_READY on
 * stderr, behind all that its start had to say; SIGTERM ends it in order; a message `{flush: id}` comes back when that is done. argv[3]: a user id to run as.
 */
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
  // The test that started it may be gone: then so is this.
  process.on('disconnect', () => process.exit(1));
  process.stderr.write(`${AGENT_READY}\n`);
} catch (error) {
  process.stderr.write(`${explain(error)}\n`);
  process.exit(1);
}
