import type { FlushedLog } from '../../agent/flush.ts';
import { agentBearer } from '../../base/agent_token.ts';
import { bearer } from '../../base/bearer.ts';
import { AfterlogError } from '../../base/errors.ts';
import { Trouble } from '../../base/faults.ts';
import { limits } from '../../base/limits.ts';
import { isSandboxId } from '../../base/sandbox_id.ts';
import { type Settings, splitAddress } from '../../config/settings.ts';

/** An agent's answer about a sandbox: its logs, or that none is open. */
export type Flushed = FlushedLog[] | 'nothing open';

/** The agents that a server can ask. */
export class Agents {
  readonly patience_ms: number;
  private readonly own_host: string;
  private readonly addressOf: (host: string) => string | null;
  private readonly isOneForAll: boolean;
  private readonly refused = new Trouble('The agents take this server’s token.');
  private agent_token: string | undefined;
  private readonly flushes = new Map<string, Flush>();
  /** Address → the time from which on it may be asked again. */
  private readonly silent = new Map<string, number>();

  /** @param patience_ms the longest wait of a request for an agent, and for the agent's rows to arrive */
  constructor(
    settings: Pick<Settings, 'host' | 'agent_listen' | 'agent_url' | 'agent_token'>,
    patience_ms: number = limits.read.last_bytes_ms,
  ) {
    this.patience_ms = patience_ms;
    const { agent_url } = settings;
    this.agent_token = settings.agent_token;
    this.own_host = settings.host;
    // An address without a host's name in it is the operator's own choice.
    this.isOneForAll = agent_url?.includes('{host}') === false;
    const own = ownAddress(settings.agent_listen);
    this.addressOf = (host) => {
      if (agent_url === undefined) return host === settings.host ? own : null;
      // A host's name comes from its rows, so it must not change other parts of the address.
      return /^[\w.-]+$/.test(host) ? agent_url.replace('{host}', host).replace(/\/$/, '') : null;
    };
  }

  /** From now on, this is the token. */
  useToken(agent_token: string | undefined): void {
    this.agent_token = agent_token;
  }

  /**
   * Flushes a sandbox: its agent reads everything that is in its files now. Returns the safe bytes of its
   * logs, or null if the agent does not answer in time. Several callers for the same sandbox share one
   * request. No agent is asked for an id that cannot be one: an earlier version may have stored such ids.
   * @param host null: this host
   */
  async flush(host: string | null, sandbox: string): Promise<Flushed | null> {
    if (!isSandboxId(sandbox)) return null;
    const named = host ?? this.own_host;
    const address = this.addressOf(named);
    if (address === null || (this.silent.get(address) ?? 0) > performance.now()) return null;
    const key = `${address}\n${sandbox}`;
    const under_way = this.flushes.get(key);
    // A flush that began earlier may have missed the latest bytes: the next one counts.
    if (under_way !== undefined) {
      under_way.next ??= under_way.answer.then(() => this.start(key, address, named, sandbox));
      return await under_way.next;
    }
    return await this.start(key, address, named, sandbox);
  }

  private start(key: string, address: string, host: string, sandbox: string): Promise<Flushed | null> {
    const flush: Flush = { answer: this.ask(address, host, sandbox), next: null };
    this.flushes.set(key, flush);
    void flush.answer.then(() => {
      if (flush.next === null) this.flushes.delete(key);
    });
    return flush.answer;
  }

  /** Never rejects. */
  private async ask(address: string, host: string, sandbox: string): Promise<Flushed | null> {
    const { agent_token } = this;
    try {
      const response = await fetch(`${address}/flush/${encodeURIComponent(sandbox)}`, {
        method: 'POST',
        headers: this.isOneForAll ? bearer(agent_token) : agentBearer(agent_token, host),
        // An agent does not redirect, and the token is for nobody else.
        redirect: 'error',
        signal: AbortSignal.timeout(this.patience_ms),
      });
      const body = JSON.parse(await boundedText(response)) as { logs?: FlushedLog[]; code?: string };
      if (response.status === 401 || response.status === 403) {
        const what = `The agent at ${address} refuses to flush for this server, so the last bytes may be missing`;
        this.refused.begins(new AfterlogError('AGENT_TOKEN_WRONG', what));
      } else this.refused.ends();
      if (response.ok) return body.logs ?? [];
      return body.code === 'FLUSH_UNKNOWN' ? 'nothing open' : null;
    } catch {
      this.silent.set(address, performance.now() + limits.read.agent_silent_ms);
      return null;
    }
  }
}

/** The body. Whoever forged a row may answer in an agent's place, so it must not have any size. */
async function boundedText(response: Response): Promise<string> {
  const bytes_max = limits.read.agent_answer_bytes_max;
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  // A throw inside of the loop also closes the connection.
  for await (const chunk of response.body ?? []) {
    bytes += chunk.length;
    if (bytes > bytes_max) throw new Error(`the answer is longer than ${bytes_max} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

interface Flush {
  answer: Promise<Flushed | null>;
  /** A flush that begins when this one is done. */
  next: Promise<Flushed | null> | null;
}

/** The address of this host's agent; null if its port is not known. */
function ownAddress(listen: string): string | null {
  const { host, port } = splitAddress(listen);
  if (port === 0) return null;
  const name = host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host;
  return `http://${name.includes(':') ? `[${name}]` : name}:${port}`;
}
