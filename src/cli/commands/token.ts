import { randomBytes } from 'node:crypto';
import { sha256 } from '../../base/bearer.ts';
import { jsonLine, print } from '../output.ts';

export interface TokenOptions {
  workspace?: string;
  scope?: string[];
  name?: string;
  json?: boolean;
}

/** `afterlog token`: creates a token. It is stored nowhere; a server knows only its hash. */
export async function token({ workspace = '', scope = [], name = '', json }: TokenOptions): Promise<void> {
  const made = `afterlog_${randomBytes(24).toString('hex')}`;
  const hash = sha256(made).toString('hex');
  const setting = [hash, workspace, scope.join('+'), name].join(':').replace(/:+$/, '');
  if (json) return await print(jsonLine({ token: made, setting }));
  await print(`${made}\n`);
  console.error(`Add the token’s hash to the server’s tokens: AFTERLOG_TOKENS=${setting}`);
  console.error('The token is shown only once.');
}
