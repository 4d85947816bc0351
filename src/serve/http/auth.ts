import { createHash, timingSafeEqual } from 'node:crypto';
import { isIPv4 } from 'node:net';
import type { ErrorCode } from '../../base/errors.ts';
import { type Scope, scopes } from '../../config/scopes.ts';

/** What a request may do, and with whose rows: those of one workspace, or (null) all. */
export interface Access {
  workspace: string | null;
  scopes: ReadonlySet<Scope>;
}

export type AccessVerdict = { access: Access } | { code: ErrorCode; error: string };

interface Token {
  hash: Buffer;
  access: Access;
}

/** What the check looks at. `peer` is the address of the other end of the connection, undefined if it has gone. */
export interface Caller {
  authorization: string | undefined;
  peer: string | undefined;
  host: string | undefined;
  forwarded: boolean;
}

/**
 * Makes the check of every request. Tokens are `sha256hex[:workspace[:scopes]]`, scopes joined by `+`; without
 * scopes a token may read. Without tokens only this machine is served, and it may do everything.
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
    // All are compared, so that the time says nothing about which one fits.
    for (const token of known) if (timingSafeEqual(token.hash, hash)) found ??= token;
    if (found === undefined) return deny('TOKEN_UNKNOWN', 'The token is not one of this server’s.');
    return { access: found.access };
  };
}

const everything: Access = { workspace: null, scopes: new Set(scopes) };

/**
 * A proxy or a web page on this machine also comes from loopback, for somebody else: a proxy names whom it
 * forwards for, and a page that had its own name resolved to 127.0.0.1 shows that name in `Host`.
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

/** Of a text that the settings' schema has found right. */
function parseToken(text: string): Token {
  const [hash = '', workspace = '', given = ''] = text.split(':');
  return {
    hash: Buffer.from(hash, 'hex'),
    access: { workspace: workspace || null, scopes: scopesOf(given.split('+').filter(Boolean)) },
  };
}

/** `admin` may do everything. A name that is no scope allows nothing. */
function scopesOf(names: string[]): ReadonlySet<Scope> {
  if (names.length === 0) return new Set(['read']);
  return new Set(names.includes('admin') ? scopes : scopes.filter((scope) => names.includes(scope)));
}

const deny = (code: ErrorCode, error: string): AccessVerdict => ({ code, error });
