import { createHmac } from 'node:crypto';
import { bearer } from './bearer.ts';

/**
 * The token for the agent of one host, derived from the token of all. A server gets the names of hosts from
 * rows, and a row may be forged: its host might be a machine of the attacker. So the server never sends the
 * token itself to an address that is made of such a name, and what it sends opens no other agent.
 */
export const agentTokenOf = (agent_token: string, host: string): string =>
  createHmac('sha256', agent_token).update(`afterlog agent ${host}`).digest('hex');

/** The header of a request to the agent of one host; none without a token. */
export const agentBearer = (agent_token: string | undefined, host: string): Record<string, string> =>
  bearer(agent_token && agentTokenOf(agent_token, host));
