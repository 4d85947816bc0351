import { createHash, timingSafeEqual } from 'node:crypto';

/** The token of an `Authorization` header; undefined if it has none. */
export const bearerOf = (authorization = ''): string | undefined =>
  /^Bearer +(\S+)$/i.exec(authorization)?.[1];

/** The header for a request with a token; none without one. */
export const bearer = (token: string | undefined): Record<string, string> =>
  token === undefined ? {} : { Authorization: `Bearer ${token}` };

/** Texts of any length, as the same number of bytes: only those can be compared in constant time. */
export const sha256 = (text: string): Buffer => createHash('sha256').update(text).digest();

/** Whether a request brings one of these tokens. The time it takes tells nothing about them. */
export function bringsOneOf(tokens: readonly string[], authorization: string | undefined): boolean {
  const given = bearerOf(authorization);
  if (given === undefined) return false;
  const hash = sha256(given);
  return tokens.map((one) => timingSafeEqual(sha256(one), hash)).includes(true);
}
