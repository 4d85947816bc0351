import { type ClickHouseClient, ClickHouseLogLevel, createClient } from '@clickhouse/client';
import { limits } from '../base/limits.ts';
import type { Settings } from '../config/settings.ts';
import { findUp } from './up_record.ts';

const DEFAULT_URL = 'http://127.0.0.1:8123';

/** A client of the settings' ClickHouse. Making one opens no connection and never fails. */
export function connect(settings: Settings): ClickHouseClient {
  return createClient({
    url: resolveClickHouseUrl(settings),
    username: settings.clickhouse.username,
    password: settings.clickhouse.password,
    application: 'afterlog',
    request_timeout: limits.insert.timeout_ms,
    // The client would log to stderr; its errors reach us as rejections.
    log: { level: ClickHouseLogLevel.OFF },
    // The client must not send on a connection that the server is about to close. ClickHouse keeps an idle
    // one for at least 3 s, and the timer of a busy process may be late.
    keep_alive: { enabled: true, idle_socket_ttl: 2_000, eagerly_destroy_stale_sockets: true },
  });
}

/** The setting, else the address that a running `afterlog up` has recorded, else ClickHouse's own default. */
export function resolveClickHouseUrl(settings: Settings): string {
  return settings.clickhouse.url ?? findUp(settings)?.url ?? DEFAULT_URL;
}
