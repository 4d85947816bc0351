import { request } from 'node:http';
import { text } from 'node:stream/consumers';
import type { FlushedLog } from '../../agent/flush.ts';
import { agentBearer } from '../../base/agent_token.ts';
import { AfterlogError, isErrorCode, reasonOf } from '../../base/errors.ts';
import { limits } from '../../base/limits.ts';
import { requireSandboxId } from '../../base/sandbox_id.ts';
import { harmless } from '../../base/text.ts';
import { type Settings, splitAddress } from '../../config/settings.ts';
import { jsonLine, print } from '../output.ts';

/**
 * `afterlog flush ID`: asks this host's agent to make all bytes of a sandbox durable, and prints the result
 * per log.
 * @throws AfterlogError ID_INVALID, AGENT_UNREACHABLE, AGENT_TOKEN_WRONG, FLUSH_UNKNOWN, FLUSH_LATE
 */
export async function flush(settings: Settings, sandbox: string, options: { json?: boolean }): Promise<void> {
  requireSandboxId(sandbox);
  const { status, body } = await post(settings, `/flush/${encodeURIComponent(sandbox)}`);
  // Another server may listen there, with other error codes.
  const {
    code = '',
    error = `The server at ${settings.agent_listen} is not an agent (HTTP status ${status}).`,
  } = body;
  if (status !== 200)
    throw new AfterlogError(isErrorCode(code) ? code : 'AGENT_UNREACHABLE', harmless(error));
  const logs = body.logs ?? [];
  if (options.json) return await print(logs.map((log) => jsonLine({ sandbox, ...log })).join(''));
  if (logs.length === 0) console.error(`Sandbox '${harmless(sandbox)}' has no log with content yet.`);
  await print(logs.map((log) => `${textOf(log)}\n`).join(''));
}

function textOf({ log, bytes, lines, gaps, unfinished_bytes, unsure_bytes, sealed }: FlushedLog): string {
  const unfinished = unfinished_bytes > 0 ? ` and ${unfinished_bytes} bytes of an incomplete line` : '';
  const unsure = unsure_bytes > 0 ? `, ${unsure_bytes} bytes that may be new or old (written over)` : '';
  const end = sealed === null ? '' : `, ended: ${sealed}`;
  return `${log}: durable: ${bytes} bytes, ${lines} lines${unfinished}, ${gaps} gaps${unsure}${end}`;
}

interface Answer {
  logs?: FlushedLog[];
  error?: string;
  code?: string;
}

async function post(settings: Settings, path: string): Promise<{ status: number; body: Answer }> {
  const { agent_listen: address, agent_token, host: name } = settings;
  const { host, port } = splitAddress(address);
  // Not the token itself: while no agent runs, anybody may listen there.
  const headers = agentBearer(agent_token, name);
  try {
    return await new Promise((resolve, reject) => {
      const asked = request(
        { host, port, path, headers, method: 'POST', timeout: 2 * limits.agent.flush_ms },
        (response) => {
          text(response)
            .then((body) => resolve({ status: response.statusCode ?? 0, body: JSON.parse(body) as Answer }))
            .catch(reject);
        },
      );
      asked.on('timeout', () => asked.destroy(new Error('no answer')));
      asked.on('error', reject);
      asked.end();
    });
  } catch (error) {
    throw new AfterlogError(
      'AGENT_UNREACHABLE',
      `No agent answers at ${address}: ${reasonOf(error)}.`,
      error,
    );
  }
}
