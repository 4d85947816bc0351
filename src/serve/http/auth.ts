import { createHash, timingSafeEqual } from 'node:crypto';
import { isIPv4 } from 'node:net';
import type { ErrorCode } from '../../base/errors.ts';
import { type Scope, scopes } from '../../config/scopes.ts';

/** The permissions of a request, for the rows of one workspace or (null) of all. */
export interface Access {
  workspace: string | null;
  scopes: ReadonlySet<Scope>;
}

export type AccessVerdict = { access: Access } | { code: ErrorCode; error: string };

interface Token {
  hash: Buffer;
  access: Access;
}

/**
 * The input of the check. `peer` is the address of the other end of the connection; undefined if it is
 * closed.
 */
export interface Caller {
  authorization: string | undefined;
  peer: string | undefined;
  host: string | undefined;
  forwarded: boolean;
}

/**
 * Makes the check of every request. Tokens are `sha256hex[:workspace[:scopes]]`, scopes joined by `+`; a
 * token without scopes may read. Without tokens the server serves only its own machine, which may do
 * everything.
 */
export function createAuth(tokens: string[]): (caller: Caller) => AccessVerdict {
  const known = tokens.map(parseToken);
  if (known.length === 0) return checkLoopback;
  return ({ authorization }) => {
    const given = /^Bearer +(\S+)$/i.exec(authorization ?? '')?.[1];
    if (given === undefined) {
      return deny('TOKEN_MISSING', 'Send a token: `Authorization: Bearer <token>`.');
    }
    const hash = createHash('sha256').update(given).digest();
    let found: Token | undefined;
    // Compares all tokens, so that the time does not reveal which one matches.
    for (const token of known) if (timingSafeEqual(token.hash, hash)) found ??= token;
    if (found === undefined) return deny('TOKEN_UNKNOWN', 'The token is not one of this server’s.');
    return { access: found.access };
  };
}

const everything: Access = { workspace: null, scopes: new Set(scopes) };

/**
 * A proxy or a web page on this machine also connects from loopback, for somebody else. A proxy adds the
 * header of the address that it forwards for; a page whose own name was resolved to 127.0.0.1 has that name
 * in `Host`.
 */
function checkLoopback({ peer, host, forwarded }: Caller): AccessVerdict {
  if (isLoopback(peer) && !forwarded && isLoopbackName(host)) return { access: everything };
  return deny(
    'LOOPBACK_ONLY',
    'This server has no tokens and serves only its own machine; set AFTERLOG_TOKENS to serve others.',
  );
}

function isLoopback(address = ''): boolean {
  const plain = address.replace(/^::ffff:/, '');
  return plain === '::1' || (isIPv4(plain) && plain.startsWith('127.'));
}

function isLoopbackName(host = ''): boolean {
  const name = host.replace(/:\d+$/, '').replace(/^\[|\]$/g, '');
  return name.toLowerCase() === 'localhost' || isLoopback(name);
}

/** @param text that the settings' schema has accepted */
function parseToken(text: string): Token {
  const [hash = '', workspace = '', given = ''] = text.split(':');
  return {
    hash: Buffer.from(hash, 'hex'),
    access: { workspace: workspace || null, scopes: scopesOf(given.split('+').filter(Boolean)) },
  };
}

/** `admin` may do everything. An unknown name allows nothing. */
function scopesOf(names: string[]): ReadonlySet<Scope> {
  if (names.length === 0) return new Set(['read']);
  return new Set(names.includes('admin') ? scopes : scopes.filter((scope) => names.includes(scope)));
}

const deny = (code: ErrorCode, error: string): AccessVerdict => ({ code, error });
