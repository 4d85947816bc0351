import type { Store } from '../../store/query.ts';
import type { LogHub } from '../../store/read/log_hub.ts';
import type { LogId } from '../../store/read/read_log.ts';
import type { SharedTails } from '../../store/read/shared_tails.ts';
import type { Agents } from '../agents/agents.ts';
import { answerWith } from './answer.ts';
import type { ServerMetrics } from './metrics.ts';
import type { ApiContext } from './route.ts';

/** Shared by all routes of one server. */
export interface ServeContext {
  store: Store;
  hub: LogHub;
  tails: SharedTails;
  agents: Agents;
  metrics: ServerMetrics;
  /** Aborts when the server stops; event streams end then. */
  stopping: AbortSignal;
}

/** The log that a request is about: the sandbox of its path, with the workspace of its token. */
export const logIdOf = (c: ApiContext, log = 'console'): LogId => ({
  sandbox_id: c.req.param('id') ?? '',
  log,
  workspace: c.get('workspace'),
});

export function unknownSandbox(c: ApiContext): Response {
  return answerWith(c, 'SANDBOX_UNKNOWN', 'There are no logs of this sandbox.');
}
