import { request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { bearer } from '../base/bearer.ts';
import { AfterlogError, reasonOf } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import { idIn, type Label, labelIn } from './label.ts';

/**
 * HTTP client of the runtime's agent on this host. It reads the list of all sandboxes. It requests single
 * sandboxes only if the runtime has no list: PandaStack counts such a request as use of the sandbox, and
 * wakes it if it hibernates.
 */
export class Runtime {
  private readonly url: string;
  private readonly token: string | undefined;
  private readonly ca: string | undefined;
  private hasList = true;

  /** @param ca PEM text of its authorities, if they are not those of Node.js */
  constructor(url: string, token: string | undefined, ca?: string) {
    this.ca = ca;
    this.url = url.replace(/\/+$/, '');
    this.token = token;
  }

  /**
   * Requests labels of sandboxes.
   * @returns `found`: labels by id, of the sandboxes that the runtime knows; `asked`: the ids that were
   * requested, which without a list are only the first limits.labels.at_once
   * @throws AfterlogError RUNTIME_UNUSABLE
   */
  async labels(wanted: string[]): Promise<{ asked: string[]; found: Map<string, Label> }> {
    const found = new Map<string, Label>();
    if (this.hasList) {
      const listed = await this.get('/sandboxes');
      if (listed !== undefined) {
        const isWanted = new Set(wanted);
        for (const row of rowsIn(listed)) {
          const id = idIn(row);
          const label = id !== null && isWanted.has(id) ? labelIn(row) : null;
          if (label !== null) found.set(id!, label);
        }
        return { asked: wanted, found };
      }
      this.hasList = false;
    }
    const asked = wanted.slice(0, limits.labels.at_once);
    await Promise.all(
      asked.map(async (id) => {
        const described = await this.get(`/sandboxes/${encodeURIComponent(id)}`);
        if (described === undefined) return;
        const label = labelIn(described);
        if (label === null) throw unusable(`returned no JSON object for sandbox ${id}`);
        found.set(id, label);
      }),
    );
    return { asked, found };
  }

  /** @returns the parsed body; undefined if the runtime has no such resource */
  private async get(path: string): Promise<unknown> {
    const { status, body } = await this.ask(path).catch((error: unknown) => {
      throw unusable(`does not answer: ${reasonOf(error)}`, error);
    });
    if (status === 404 || status === 405 || status === 501) return undefined;
    if (status !== 200) throw unusable(`answers ${path.split('/', 2).join('/')} with status ${status}`);
    try {
      return JSON.parse(body.toString('utf8'));
    } catch (error) {
      throw unusable('returned invalid JSON', error);
    }
  }

  private ask(path: string): Promise<{ status: number; body: Buffer }> {
    const url = `${this.url}${path}`;
    const request = url.startsWith('https:') ? requestHttps : requestHttp;
    const signal = AbortSignal.timeout(limits.labels.timeout_ms);
    const { ca } = this;
    const headers = { Accept: 'application/json', ...bearer(this.token) };
    return new Promise((resolve, reject) => {
      const asked = request(url, { signal, headers, agent: false, ...(ca && { ca }) }, (response) => {
        const chunks: Buffer[] = [];
        let bytes = 0;
        response.on('error', reject);
        response.on('data', (chunk: Buffer) => {
          bytes += chunk.length;
          if (bytes > limits.labels.body_bytes_max) {
            asked.destroy(new Error(`the answer is longer than ${limits.labels.body_bytes_max} bytes`));
          } else chunks.push(chunk);
        });
        response.on('end', () => resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks) }));
      });
      asked.on('error', (error) => {
        reject(signal.aborted ? new Error(`no answer within ${limits.labels.timeout_ms / 1000} s`) : error);
      });
      asked.end();
    });
  }
}

/** The answer is a list, or an object that contains one. */
function rowsIn(answer: unknown): unknown[] {
  if (Array.isArray(answer)) return answer;
  const { sandboxes, items, data } = (answer ?? {}) as Record<string, unknown>;
  const list = [sandboxes, items, data].find(Array.isArray);
  if (list === undefined) throw unusable('returned no list for /sandboxes');
  return list;
}

function unusable(what: string, cause?: unknown): AfterlogError {
  return new AfterlogError('RUNTIME_UNUSABLE', `The runtime ${what}; rows have no labels yet.`, cause);
}
