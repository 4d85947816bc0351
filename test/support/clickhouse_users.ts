import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import type { TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type ClickHouseClient, ClickHouseLogLevel, createClient } from '@clickhouse/client';
import { exitOf, freePort } from '../../src/base/child_process.ts';
import { migrate } from '../../src/store/care/migrate.ts';
import { temporaryDir } from './temporary.ts';

export interface TestUser {
  /** Also the password. */
  name: string;
  /** `SELECT ON afterlog.*` */
  grants: string[];
  readonly?: 0 | 1 | 2;
}

/** A new ClickHouse with a migrated database `afterlog`, and users with few rights besides `default`. */
export async function startClickHouseWithUsers(t: TestContext, users: TestUser[]): Promise<string> {
  const dir = await temporaryDir(t);
  writeFileSync(join(dir, 'users.xml'), usersFile(users));
  writeFileSync(join(dir, 'config.xml'), '<clickhouse><users_config>users.xml</users_config></clickhouse>');
  const { libchdbPath } = createRequire(import.meta.url)('chdb/libchdb') as { libchdbPath(): string };
  const port = await freePort();
  const script = resolve(import.meta.dirname, '../../src/store/embedded/embedded_child.ts');
  const options = [
    '--config-file',
    join(dir, 'config.xml'),
    '--path',
    join(dir, 'data'),
    '--listen_host',
    '127.0.0.1',
  ];
  const query = "SYSTEM START LISTEN HTTP; SELECT count() FROM file('-', 'LineAsString', 'line String')";
  const child = spawn(
    process.execPath,
    [script, libchdbPath(), ...options, '--http_port', String(port), '--query', query],
    { stdio: ['pipe', 'ignore', 'inherit'] },
  );
  const exited = exitOf(child);
  t.after(async () => {
    child.kill('SIGKILL');
    await exited;
  });
  const url = `http://127.0.0.1:${port}`;
  const client = createClient({ url, log: { level: ClickHouseLogLevel.OFF } });
  t.after(() => client.close());
  await answers(client, exited);
  await migrate(client, 'afterlog');
  return url;
}

async function answers(client: ClickHouseClient, exited: Promise<number | null>): Promise<void> {
  let isOver = false;
  void exited.then(() => {
    isOver = true;
  });
  while (!(await client.ping()).success) {
    if (isOver) throw new Error('this ClickHouse ended by itself');
    await sleep(50);
  }
}

function usersFile(users: TestUser[]): string {
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
  return `<clickhouse><profiles><default/>${profiles.join('')}</profiles><quotas><default/></quotas>
    <users><default><password/><networks><ip>::/0</ip></networks><profile>default</profile><quota>default</quota></default>
    ${entries.join('')}</users></clickhouse>`;
}
