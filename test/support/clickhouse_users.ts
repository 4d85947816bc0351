import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { ClickHouseLogLevel, createClient } from '@clickhouse/client';
import { migrate } from '../../src/store/care/migrate.ts';
import { usersFolder } from '../../src/store/embedded/access.ts';
import { startEmbedded } from '../../src/store/embedded/embedded.ts';
import { temporaryDir } from './temporary.ts';

export interface TestUser {
  /** Also the password. */
  name: string;
  /** `SELECT ON afterlog.*` */
  grants: string[];
  readonly?: 0 | 1 | 2;
}

const ADMIN: TestUser = { name: 'admin', grants: ['ALL ON *.*'] };

/**
 * A new ClickHouse with a migrated database `afterlog`, and users that an operator has added, also `admin` with
 * all rights.
 * @returns its address without a user
 */
export async function startClickHouseWithUsers(t: TestContext, users: TestUser[]): Promise<string> {
  const dir = join(await temporaryDir(t), 'data');
  mkdirSync(usersFolder(dir), { mode: 0o700 });
  writeFileSync(join(usersFolder(dir), 'test.xml'), usersFile([...users, ADMIN]), { mode: 0o600 });
  const server = await startEmbedded({ dir });
  t.after(async () => {
    server.kill();
    await server.exited;
  });
  const client = createClient({ url: server.url, log: { level: ClickHouseLogLevel.OFF } });
  t.after(() => client.close());
  await migrate(client, 'afterlog');
  return server.origin;
}

/** What an operator adds, in the syntax of ClickHouse. */
export function usersFile(users: TestUser[]): string {
  const profiles = [0, 1, 2].map((level) => `<level${level}><readonly>${level}</readonly></level${level}>`);
  const entries = users.map(
    ({
      name,
      grants,
      readonly = 0,
    }) => `<${name}><password>${name}</password><networks><ip>::/0</ip></networks>
      <profile>level${readonly}</profile><quota>default</quota>
      <grants>${grants.map((grant) => `<query>GRANT ${grant}</query>`).join('')}</grants></${name}>`,
  );
  return `<clickhouse><profiles>${profiles.join('')}</profiles><users>${entries.join('')}</users></clickhouse>`;
}
