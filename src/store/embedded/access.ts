import { randomBytes } from 'node:crypto';
import { copyFileSync, lstatSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { totalmem } from 'node:os';
import { join } from 'node:path';
import { sha256 } from '../../base/bearer.ts';
import { limits } from '../../base/limits.ts';
import { closeOwnFiles, makeOwnFolder } from '../../base/own_files.ts';
import { writeOwnText } from '../../base/own_text.ts';

/** The user of afterlog in the embedded ClickHouse. */
export const OWN_USER = 'afterlog';

/**
 * All that migrate, the consumer, the readers, doctor, rebuild, erase and the stop of the server need.
 * Missing on purpose: every right that leads out of the database, such as FILE, URL, REMOTE and S3, and the
 * table engines with such sources; dictionaries, functions, users, backups, other SYSTEM commands.
 */
const OWN_RIGHTS = [
  'SHOW, SELECT, INSERT, ALTER, TRUNCATE, OPTIMIZE ON *.*',
  'CREATE DATABASE, CREATE TABLE, CREATE VIEW, CREATE TEMPORARY TABLE ON *.*',
  'DROP DATABASE, DROP TABLE, DROP VIEW, UNDROP TABLE, KILL QUERY, SYSTEM MERGES ON *.*',
  ...['MergeTree', 'ReplacingMergeTree', 'AggregatingMergeTree', 'SummingMergeTree', 'Memory', 'Null'].map(
    (engine) => `TABLE ENGINE ON ${engine}`,
  ),
];

/**
 * Settings of the command line win over the profile of the server's own session, and only over that. So the
 * session may run queries, and nobody who calls himself `default` on the port may.
 */
export const OWN_SESSION_OPTIONS = ['--max_query_size', '262144', '--max_ast_elements', '50000'];

/** The line of a server that the system does not confine. */
export const UNCONFINED = 'afterlog: not confined';

/** Files that the server reads once, while it starts. */
export interface StartFiles {
  config: string;
  password: string;
  /** Removes them: a query of a user must not be able to read them. */
  remove(): void;
}

/**
 * The folder beside the data that the server cannot read: the password of afterlog's user, and `*.xml` files
 * of users that the operator has added.
 */
export const usersFolder = (dir: string): string => `${dir}-users`;

/** The files of users that the operator has added. */
export const addedUsers = (dir: string): string[] =>
  readdirSync(usersFolder(dir)).filter((name) => name.endsWith('.xml'));

/** Writes the files of a start of the server on `dir`. The password is made once for a folder. */
export function writeStartFiles(dir: string): StartFiles {
  const password = passwordOf(dir);
  const folder = join(dir, 'starting');
  // Of a start that was killed.
  rmSync(folder, { recursive: true, force: true });
  makeOwnFolder(folder);
  const users = join(folder, 'users.xml');
  const config = join(folder, 'config.xml');
  writeOwnText(users, usersFile(password));
  writeOwnText(config, serverConfig(users));
  // ClickHouse adds the files of users.d to users.xml.
  mkdirSync(join(folder, 'users.d'), { mode: 0o700 });
  for (const name of addedUsers(dir)) {
    copyFileSync(join(usersFolder(dir), name), join(folder, 'users.d', name));
  }
  // A file of version 0.1.0.
  rmSync(join(dir, 'config.xml'), { force: true });
  return { config, password, remove: () => rmSync(folder, { recursive: true, force: true }) };
}

function passwordOf(dir: string): string {
  makeOwnFolder(usersFolder(dir));
  closeOwnFiles(usersFolder(dir));
  const path = join(usersFolder(dir), 'password');
  if (lstatSync(path, { throwIfNoEntry: false })?.isFile()) {
    const password = readFileSync(path, 'utf8').trim();
    if (/^[0-9a-f]{64}$/.test(password)) return password;
  }
  const password = randomBytes(32).toString('hex');
  writeOwnText(path, `${password}\n`);
  return password;
}

/**
 * The server's own session is always user `default` without a password, and the port takes that name too. So
 * `default` may do no more than open the port, and its profile refuses every query on the port as too long.
 */
function usersFile(password: string): string {
  const hash = sha256(password).toString('hex');
  const grants = OWN_RIGHTS.map((rights) => `<query>GRANT ${rights}</query>`).join('\n        ');
  return `<clickhouse>
  <profiles>
    <default/>
    <reader><readonly>2</readonly></reader>
    <shut>
      <max_query_size>1</max_query_size>
      <max_ast_elements>1</max_ast_elements>
      <constraints>
        <max_query_size><const/></max_query_size>
        <max_ast_elements><const/></max_ast_elements>
      </constraints>
    </shut>
  </profiles>
  <quotas><default/></quotas>
  <users>
    <default>
      <no_password/>
      <networks><ip>::1</ip></networks>
      <profile>shut</profile>
      <quota>default</quota>
      <grants><query>GRANT SYSTEM LISTEN ON *.*</query></grants>
    </default>
    <${OWN_USER}>
      <password_sha256_hex>${hash}</password_sha256_hex>
      <networks><ip>::1</ip></networks>
      <profile>default</profile>
      <quota>default</quota>
      <grants>
        ${grants}
      </grants>
    </${OWN_USER}>
  </users>
</clickhouse>
`;
}

/**
 * ClickHouse's defaults are for a machine of its own: 90 % of the memory, 5 GiB of caches. Of its HTTP pages
 * only the queries and the ping stay.
 */
function serverConfig(users: string): string {
  const memory = Math.min(limits.embedded.memory_bytes_max, Math.floor(totalmem() / 2));
  const rule = (url: string, handler: string): string =>
    `    <rule><url>${url}</url><handler>${handler}</handler></rule>\n`;
  return `<clickhouse>
  <users_config>${escaped(users)}</users_config>
  <max_server_memory_usage>${memory}</max_server_memory_usage>
  <mark_cache_size>${limits.embedded.cache_bytes}</mark_cache_size>
  <primary_index_cache_size>${limits.embedded.cache_bytes}</primary_index_cache_size>
  <http_handlers>
${rule('/ping', '<type>static</type><status>200</status><response_content>Ok.\n</response_content>')}${rule(
  'regex:^/(\\?.*)?$',
  '<type>dynamic_query_handler</type><query_param_name>query</query_param_name>',
)}  </http_handlers>
</clickhouse>
`;
}

const escaped = (text: string): string =>
  text.replace(/[&<>]/g, (character) => `&#${character.charCodeAt(0)};`);
