import type { FlushedLog } from '../agent/flush.ts';
import { limits } from '../base/limits.ts';
import { type Settings, splitAddress } from '../config/settings.ts';

/** What an agent says of a sandbox: its logs, or that it has none open. */
export type Flushed = FlushedLog[] | 'nothing open';

/** The agents, as a server reaches them. */
export class Agents {
  readonly patience_ms: number;
  private readonly own_host: string;
  private readonly addressOf: (host: string) => string | null;
  private readonly flushes = new Map<string, Flush>();
  /** Address → when it may be asked again. */
  private readonly silent = new Map<string, number>();

  /** @param patience_ms how long a request may wait for an agent, and for what it has to arrive */
  constructor(
    settings: Pick<Settings, 'host' | 'agent_listen' | 'agent_url'>,
    patience_ms: number = limits.read.last_bytes_ms,
  ) {
    this.patience_ms = patience_ms;
    const { agent_url } = settings;
    this.own_host = settings.host;
    const own = ownAddress(settings.agent_listen);
    this.addressOf = (host) => {
      if (agent_url === undefined) return host === settings.host ? own : null;
      // A host's name comes from its rows: it must not lead anywhere else in the address.
      return /^[\w.-]+$/.test(host) ? agent_url.replace('{host}', host).replace(/\/$/, '') : null;
    };
  }

  /**
   * What is safe of a sandbox's logs once everything that is in its files now has been read; null if its agent
   * cannot tell in time. Many who ask for the same at once make one request.
   * @param host null: this one
   */
  async flush(host: string | null, sandbox: string): Promise<Flushed | null> {
    const address = this.addressOf(host ?? this.own_host);
    if (address === null || (this.silent.get(address) ?? 0) > performance.now()) return null;
    const key = `${address}\n${sandbox}`;
    const under_way = this.flushes.get(key);
    // One that began earlier may have looked before the bytes that are wanted were written: the next one counts.
    if (under_way !== undefined) {
      under_way.next ??= under_way.answer.then(() => this.start(key, address, sandbox));
      return await under_way.next;
    }
    return await this.start(key, address, sandbox);
  }

  private start(key: string, address: string, sandbox: string): Promise<Flushed | null> {
    const flush: Flush = { answer: this.ask(address, sandbox), next: null };
    this.flushes.set(key, flush);
    void flush.answer.then(() => {
      if (flush.next === null) this.flushes.delete(key);
    });
    return flush.answer;
  }

  /** Never rejects. */
  private async ask(address: string, sandbox: string): Promise<Flushed | null> {
    try {
      const response = await fetch(`${address}/flush/${encodeURIComponent(sandbox)}`, {
        method: 'POST',
        signal: AbortSignal.timeout(this.patience_ms),
      });
      const body = (await response.json()) as { logs?: FlushedLog[]; code?: string };
      if (response.ok) return body.logs ?? [];
      return body.code === 'FLUSH_UNKNOWN' ? 'nothing open' : null;
    } catch {
      this.silent.set(address, performance.now() + limits.read.agent_silent_ms);
      return null;
    }
  }
}

interface Flush {
  answer: Promise<Flushed | null>;
  /** One that begins when this one is done. */
  next: Promise<Flushed | null> | null;
}

/** Null: nobody knows on which port it listens. */
function ownAddress(listen: string): string | null {
  const { host, port } = splitAddress(listen);
  if (port === 0) return null;
  const name = host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host;
  return `http://${name.includes(':') ? `[${name}]` : name}:${port}`;
}
