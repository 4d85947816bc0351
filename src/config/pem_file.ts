import { readFileSync } from 'node:fs';
import { AfterlogError, reasonOf } from '../base/errors.ts';
import { allSettings } from './schema.ts';

/**
 * The text of the PEM file that a setting names. Node.js accepts any text as an authority and then trusts
 * nobody, so that each connection fails for an unrelated reason; so its content is checked.
 * @throws AfterlogError SETTING_INVALID
 */
export function readPem(name: string, path: string, holds: 'CERTIFICATE' | 'PRIVATE KEY'): string {
  const { env } = allSettings.find((setting) => setting.name === name)!;
  let text = '';
  const what = holds === 'CERTIFICATE' ? 'certificate' : 'private key';
  let fault = `holds no ${what} (-----BEGIN ${holds}-----)`;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    fault = `cannot be read: ${reasonOf(error)}`;
  }
  // `-----BEGIN EC PRIVATE KEY-----` also is one.
  if (new RegExp(`-----BEGIN (\\w+ )*${holds}-----`).test(text)) return text;
  throw new AfterlogError(
    'SETTING_INVALID',
    `Setting ${name} (${env}) is ${JSON.stringify(path)}, which ${fault}.`,
  );
}
