import { timingSafeEqual } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { bearerOf, sha256 } from '../../base/bearer.ts';
import type { ErrorCode } from '../../base/errors.ts';
import { type Scope, scopes } from '../../config/scopes.ts';
import { type Asking, isOwnMachine } from './own_machine.ts';

/** The permissions of a request, for the rows of one workspace or (null) of all. */
export interface Access {
  workspace: string | null;
  scopes: ReadonlySet<Scope>;
  /** Who asks: the name of the token or the first 8 digits of its hash; null for this machine. */
  caller: string | null;
}

/** Somebody who may ask, with the requests that run now. */
interface Party {
  access: Access;
  running: Set<ServerResponse>;
}

interface Token extends Party {
  /** As in the settings. */
  text: string;
  hash: Buffer;
}

export type AccessVerdict = { party: Party } | { code: ErrorCode; error: string };

/**
 * The check of every request. Tokens are `sha256hex[:workspace[:scopes[:name]]]`, scopes joined by `+`; a
 * token without scopes may read. Without tokens the server serves only its own machine, which may do
 * everything.
 */
export class Tokens {
  private known: Token[];
  private readonly ownMachine: Party = {
    access: { workspace: null, scopes: new Set(scopes), caller: null },
    running: new Set(),
  };

  constructor(tokens: readonly string[]) {
    this.known = tokens.map(parseToken);
  }

  check(asking: Asking): AccessVerdict {
    if (this.known.length === 0) {
      return isOwnMachine(asking) ? { party: this.ownMachine } : deny('LOOPBACK_ONLY', onlyLoopback);
    }
    const given = bearerOf(asking.headers.authorization);
    if (given === undefined) {
      return deny('TOKEN_MISSING', 'Send a token: `Authorization: Bearer <token>`.');
    }
    const hash = sha256(given);
    let found: Token | undefined;
    // Compares all tokens, so that the time does not reveal which one matches.
    for (const token of this.known) if (timingSafeEqual(token.hash, hash)) found ??= token;
    if (found === undefined) return deny('TOKEN_UNKNOWN', 'The token is not one of this server’s.');
    return { party: found };
  }

  /** The answer is cut if its party loses its access while it runs. */
  runs({ running }: Party, answer: ServerResponse): void {
    running.add(answer);
    answer.once('close', () => running.delete(answer));
  }

  /** From now on, these are the tokens. @returns the number of answers that were cut */
  replace(tokens: readonly string[]): number {
    const before = this.known;
    this.known = tokens.map((text) => before.find((one) => one.text === text) ?? parseToken(text));
    const lost: Party[] = before.filter((one) => !this.known.includes(one));
    if (before.length === 0 && this.known.length > 0) lost.push(this.ownMachine);
    const cut = lost.flatMap(({ running }) => [...running]);
    for (const answer of cut) answer.destroy();
    return cut.length;
  }
}

const onlyLoopback =
  'This server has no tokens and serves only its own machine; set AFTERLOG_TOKENS to serve others.';

/** @param text that the settings' schema has accepted */
function parseToken(text: string): Token {
  const [hash = '', workspace = '', given = '', name = ''] = text.split(':');
  return {
    text,
    hash: Buffer.from(hash, 'hex'),
    access: {
      workspace: workspace || null,
      scopes: scopesOf(given.split('+').filter(Boolean)),
      caller: name || hash.slice(0, 8).toLowerCase(),
    },
    running: new Set(),
  };
}

/** `admin` may do everything. An unknown name allows nothing. */
function scopesOf(names: string[]): ReadonlySet<Scope> {
  if (names.length === 0) return new Set(['read']);
  return new Set(names.includes('admin') ? scopes : scopes.filter((scope) => names.includes(scope)));
}

const deny = (code: ErrorCode, error: string): AccessVerdict => ({ code, error });
