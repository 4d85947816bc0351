import { Agent } from 'node:https';
import { AfterlogError, reasonOf } from '../base/errors.ts';
import { readPem } from '../config/pem_file.ts';
import type { Settings } from '../config/settings.ts';

/** As many connections as the client of ClickHouse opens by itself. */
const CONNECTIONS_MAX = 10;

/**
 * The connections of the client, if files of certificates are set. The client has options of its own for
 * them, but with these it sends no basic authentication, which a proxy may ask for.
 * @throws AfterlogError SETTING_INVALID
 */
export function tlsOptions(clickhouse: Settings['clickhouse']): { http_agent?: Agent } {
  const { tls_ca_file, tls_cert_file, tls_key_file } = clickhouse;
  if (tls_ca_file === undefined && tls_cert_file === undefined) return {};
  return {
    http_agent: new Agent({
      keepAlive: true,
      maxSockets: CONNECTIONS_MAX,
      ...(tls_ca_file && { ca: readPem('clickhouse.tls_ca_file', tls_ca_file, 'CERTIFICATE') }),
      ...(tls_cert_file && { cert: readPem('clickhouse.tls_cert_file', tls_cert_file, 'CERTIFICATE') }),
      ...(tls_key_file && { key: readPem('clickhouse.tls_key_file', tls_key_file, 'PRIVATE KEY') }),
    }),
  };
}

const codes =
  /^(EPROTO$|ERR_TLS_|ERR_SSL_|CERT_|UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|INVALID_CA|HOSTNAME_MISMATCH)/;

/** CLICKHOUSE_TLS for a connection that failed over certificates; null for any other thrown value. */
export function tlsFault(error: unknown, url: string): AfterlogError | null {
  const { code = '' } = (error ?? {}) as NodeJS.ErrnoException;
  if (!codes.test(code)) return null;
  const text = `The TLS connection to ClickHouse at ${url} fails: ${reasonOf(error)}`;
  return new AfterlogError('CLICKHOUSE_TLS', `${text.replace(/\.$/, '')}.`, error);
}
