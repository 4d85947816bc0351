import { test } from 'node:test';
import { assertHidden, drawn } from '../support/hidden.ts';

test('the values of cookies are hidden, their names and attributes stay', () => {
  for (const line of [
    '> Cookie: sid=«abc»; theme=«dark»',
    '< set-cookie: sid=«abc»; Path=/; Expires=Wed, 21 Oct 2026 07:28:00 GMT; HttpOnly',
    '{"headers":{"cookie":"sid=«abc»; b=«c»"},"n":1}',
    '{"set-cookie":["a=«1»; Path=/","b=«2»"],"n":1}',
    "rawHeaders: [ 'Cookie', 'sid=«abc»', 'Accept', '*/*' ]",
    "curl -H 'Cookie: sid=«abc»' https://x.example/",
    'curl --cookie "sid=«abc»" https://x.example/',
    `got PHPSESSID=«${drawn(26)}» for it`,
    `_gitlab_session=«${drawn(32)}»`,
  ]) {
    assertHidden(line, ['cookie']);
  }
});

test('a header of authorization is hidden with all its parameters', () => {
  for (const line of [
    'Authorization: Bearer «abc.def» 200',
    'Proxy-Authorization: Basic «dXNlcjpwYXNz»',
    '{"headers":{"authorization":["Bearer «abcdef»"]}}',
    "rawHeaders: [ 'Authorization', 'Bearer «abcdef»' ]",
    'Authorization: «Digest username="a", realm="b c", response="d"» 200',
    'Authorization: «AWS4-HMAC-SHA256 Credential=a/b, SignedHeaders=c;d, Signature=e»',
    'sent Basic «dXNlcjpwYXNz» to peer',
    `x-vault-token: «${drawn(24)}»`,
    "-H 'PRIVATE-TOKEN: «abcdefgh»'",
  ]) {
    assertHidden(line, ['authorization']);
  }
});

test('lists of names of headers, and words, have no values', () => {
  for (const line of [
    '["Authorization","Cookie","X-Api-Key"]',
    'Vary: Authorization, Cookie',
    'Authorization: none',
    'Cookie: none sent; cookies: 3',
    'Basic configuration: loaded',
  ]) {
    assertHidden(line, ['authorization', 'cookie']);
  }
});
