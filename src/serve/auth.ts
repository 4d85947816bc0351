import { createHash, timingSafeEqual } from 'node:crypto';
import { isIPv4 } from 'node:net';
import { AfterlogError } from '../errors.ts';

/** What a request may see: rows of one workspace, or (null) all. */
export interface Access {
  workspace: string | null;
}

export type Verdict = { access: Access } | { status: 401 | 403; code: string; error: string };

interface Token {
  hash: Buffer;
  workspace: string | null;
  /** Empty: everything a reader may do. */
  scopes: string[];
}

/** What the check looks at. `peer` is the address of the other end of the connection, undefined if it has gone. */
export interface Caller {
  authorization: string | undefined;
  peer: string | undefined;
  host: string | undefined;
  forwarded: boolean;
}

/**
 * Makes the check of every request. Tokens are `sha256hex[:workspace[:scopes]]`, scopes joined by `+`. Without
 * tokens only this machine is served.
 * @throws AfterlogError SETTING_INVALID
 */
export function createAuth(tokens: string[]): (caller: Caller) => Verdict {
  const known = tokens.map(parseToken);
  if (known.length === 0) return checkLoopback;
  return ({ authorization }) => {
    const given = /^Bearer +(\S+)$/i.exec(authorization ?? '')?.[1];
    if (given === undefined) {
      return deny(401, 'TOKEN_MISSING', 'Send a token: `Authorization: Bearer <token>`.');
    }
    const hash = createHash('sha256').update(given).digest();
    let found: Token | undefined;
    // All are compared, so that the time says nothing about which one fits.
    for (const token of known) if (timingSafeEqual(token.hash, hash)) found ??= token;
    if (found === undefined) return deny(401, 'TOKEN_UNKNOWN', 'The token is not one of this server’s.');
    if (found.scopes.length > 0 && !found.scopes.includes('read')) {
      return deny(403, 'SCOPE_MISSING', 'The token does not have the scope ‘read’.');
    }
    return { access: { workspace: found.workspace } };
  };
}

/**
 * A proxy or a web page on this machine also comes from loopback, for somebody else: a proxy names whom it
 * forwards for, and a page that had its own name resolved to 127.0.0.1 shows that name in `Host`.
 */
function checkLoopback({ peer, host, forwarded }: Caller): Verdict {
  if (isLoopback(peer) && !forwarded && isLoopbackName(host)) return { access: { workspace: null } };
  return deny(
    403,
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

function parseToken(text: string): Token {
  const [hash = '', workspace = '', scopes = ''] = text.split(':');
  if (!/^[0-9a-f]{64}$/i.test(hash)) {
    // The text itself is not shown: somebody may have set the token in place of its hash.
    throw new AfterlogError(
      'SETTING_INVALID',
      'Setting tokens (AFTERLOG_TOKENS): a token is written as the 64 hex digits of its SHA-256, optionally followed by :workspace[:scopes].',
    );
  }
  return {
    hash: Buffer.from(hash, 'hex'),
    workspace: workspace || null,
    scopes: scopes.split('+').filter(Boolean),
  };
}

function deny(status: 401 | 403, code: string, error: string): Verdict {
  return { status, code, error };
}
