import { agentBearer } from '../base/agent_token.ts';
import { limits } from '../base/limits.ts';
import { type Address, exposure } from '../config/exposed.ts';
import { type Settings, splitAddress } from '../config/settings.ts';
import { type Finding, type Role, reporter } from './finding.ts';

const roles = { listen: 'server', agent_listen: 'agent', consumer_listen: 'consumer' } as const;

/**
 * Checks who can reach the addresses of the roles. It does not ask an address that needs no token: something
 * else may listen there.
 */
export async function addressFindings(settings: Settings): Promise<Finding[]> {
  const exposed = (Object.keys(roles) as Address[]).flatMap((address) => {
    const reason = exposure(settings, address);
    const cure = 'Set the token, or a loopback address; the role does not start like this.';
    return reason === null ? [] : [reporter('setup', [roles[address]]).error(address, reason, { cure })];
  });
  return [...exposed, ...(await tokenFindings(settings))];
}

async function tokenFindings({
  agent_token,
  agent_listen,
  agent_url,
  host: own,
}: Settings): Promise<Finding[]> {
  const both: Role[] = ['agent', 'server'];
  const { warning, ok } = reporter('setup', both);
  if (agent_token === undefined) {
    if (agent_url === undefined) return [];
    const message = `agent_url is ${agent_url}, but no agent_token is set: agents of other machines refuse to flush.`;
    const cure = 'Set AFTERLOG_AGENT_TOKEN to the same value for agents and servers.';
    return [warning('agent_token', message, { cure })];
  }
  const { host, port } = splitAddress(agent_listen);
  const name = ['0.0.0.0', '::'].includes(host) ? '127.0.0.1' : host;
  const url = `http://${name.includes(':') ? `[${name}]` : name}:${port}/metrics`;
  const answer = await fetch(url, {
    // Not the token itself: while no agent runs, anybody may listen there.
    headers: agentBearer(agent_token, own),
    redirect: 'error',
    signal: AbortSignal.timeout(limits.doctor.check_ms),
  }).catch(() => null);
  await answer?.body?.cancel();
  if (answer?.status === 401 || answer?.status === 403) {
    const message = `The agent at ${agent_listen} refuses this agent_token.`;
    const cure =
      'Set AFTERLOG_AGENT_TOKEN to the same value for agents and servers; `kill -HUP` makes a role read it again.';
    return [warning('agent_token', message, { cure })];
  }
  return answer?.ok ? [ok('agent_token', `The agent at ${agent_listen} takes this agent_token.`)] : [];
}
