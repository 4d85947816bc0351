import { addressSigns } from './addresses.ts';
import { BASE64, isIn } from './bytes.ts';
import { commandSigns } from './commands.ts';
import { authorizationSigns, cookieSigns } from './headers.ts';
import type { Kind } from './kinds.ts';
import { nameSigns } from './names.ts';
import { add, type Check, type Sign, SignTable } from './signs.ts';
import { tokenSigns } from './tokens.ts';
import { urlSigns } from './urls.ts';
import { webTokenSigns } from './web_tokens.ts';

/** All signs of the wanted kinds. */
export function signsFor(wanted: ReadonlySet<Kind>): SignTable {
  const of = (kind: Kind, signs: Sign[]): Sign[] => (wanted.has(kind) ? signs : []);
  return new SignTable([
    ...tokenSigns(wanted),
    ...of('azure', [
      { text: '?sig=', check: sharedSignature },
      { text: '&sig=', check: sharedSignature },
    ]),
    ...of('jwt', webTokenSigns),
    ...of('url_password', urlSigns),
    // After URLs: what looks like an address in one is its user and host.
    ...of('email', addressSigns),
    ...of('authorization', authorizationSigns),
    ...of('cookie', cookieSigns),
    ...of('password', commandSigns()),
    ...nameSigns(wanted),
  ]);
}

/** `?sig=…` or `&sig=…` of a shared access signature. */
const sharedSignature: Check = (found, b, at, _start, end) => {
  const from = at + 5;
  let to = from;
  while (to < end && to - from < 200 && (b[to] === 37 || isIn(b[to], BASE64))) to++;
  return to - from >= 40 ? add(found, 'azure', from, to) : -1;
};
