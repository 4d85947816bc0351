import { readFileSync } from 'node:fs';

/** The path of the certificate of localhost that the tests have, which is its own authority, or of its key. */
export const testPem = (what: 'cert' | 'key'): string =>
  new URL(`./tls/test-only.${what}.pem`, import.meta.url).pathname;

export const testCertificate = (): { cert: string; key: string } => ({
  cert: readFileSync(testPem('cert'), 'utf8'),
  key: readFileSync(testPem('key'), 'utf8'),
});
