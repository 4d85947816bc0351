import { type ClickHouseClient, ClickHouseLogLevel, createClient } from '@clickhouse/client';
import { AfterlogError } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import type { Settings } from '../config/settings.ts';
import { tlsOptions } from './client_tls.ts';
import { nameForeignAnswers } from './foreign_answer.ts';
import { findUp } from './up_record.ts';

const DEFAULT_URL = 'http://127.0.0.1:8123';

/**
 * A client of the settings' ClickHouse. Making one opens no connection.
 * @throws AfterlogError SETTING_INVALID
 */
export function connect(settings: Settings): ClickHouseClient {
  const { url, username, password } = resolveClickHouse(settings);
  const { origin, pathname, shown } = urlPartsOf(url);
  const client = createClient({
    // The client would take a path in the URL for the name of a database.
    ...{ url: origin, pathname, username, password },
    ...(origin.startsWith('https:') && tlsOptions(settings.clickhouse)),
    application: 'afterlog',
    request_timeout: limits.insert.timeout_ms,
    // The client would log to stderr; its errors reach us as rejections.
    log: { level: ClickHouseLogLevel.OFF },
    // The client must not send on a connection that the server is about to close. ClickHouse keeps an idle
    // one for at least 3 s, and the timer of a busy process may be late.
    keep_alive: { enabled: true, idle_socket_ttl: 2_000, eagerly_destroy_stale_sockets: true },
  });
  return nameForeignAnswers(client, shown);
}

/**
 * `origin` with the parameters, the path behind which a proxy serves ClickHouse, and the address for
 * messages, without user and password.
 * @throws AfterlogError SETTING_INVALID
 */
export function urlPartsOf(text: string): { origin: string; pathname: string; shown: string } {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || !/^https?:$/.test(url.protocol)) {
    throw new AfterlogError(
      'SETTING_INVALID',
      'Setting clickhouse.url (AFTERLOG_CLICKHOUSE_URL) is not an address such as http://127.0.0.1:8123.',
    );
  }
  const { origin, pathname, search } = url;
  return { origin: `${origin}/${search}`, pathname, shown: `${origin}${pathname === '/' ? '' : pathname}` };
}

export interface ClickHouseLogin {
  url: string;
  username: string;
  password: string;
}

/**
 * The settings, else what a running `afterlog up` has recorded, else ClickHouse's own defaults. The password
 * of `up` goes only to the address of `up`, and only with its user.
 */
export function resolveClickHouse({ clickhouse, ...settings }: Settings): ClickHouseLogin {
  const { url, username, password = '' } = clickhouse;
  const up = url === undefined ? findUp(settings) : null;
  if (up !== null && username === undefined) {
    return { url: up.url, username: up.username, password: up.password };
  }
  return withLoginOfUrl({ url: url ?? up?.url ?? DEFAULT_URL, username: username ?? 'default', password });
}

/** People also write user and password into the address; these win. */
function withLoginOfUrl(login: ClickHouseLogin): ClickHouseLogin {
  const parts = URL.canParse(login.url) ? new URL(login.url) : null;
  if (parts === null || parts.username === '') return login;
  const [username, password] = [parts.username, parts.password].map(decodeURIComponent) as [string, string];
  return { url: login.url.replace(/^(\w+:\/\/)[^/]*@/, '$1'), username, password };
}
