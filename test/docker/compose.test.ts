import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { test } from 'node:test';
import { DCLinter } from 'dclint';
import { parse } from 'yaml';
import { z } from 'zod';
import { limits } from '../../src/base/limits.ts';
import { createProgram } from '../../src/cli/program.ts';
import { allSettings, loadSettings } from '../../src/config/settings.ts';
import { sha256 } from '../support/sha256.ts';
import { temporaryDir } from '../support/temporary.ts';

/** What the tests below look at, and rules of this project; the Compose Specification's own schema checks the rest. */
const duration = z.string().regex(/^(\d+(h|m|s|ms))+$/);
const service = z.looseObject({
  /** A tag that stands for one version or one branch, or for what is built here. */
  image: z.string().regex(/^([a-z0-9-]+\/[a-z0-9-]+:\d+(\.\d+)+|afterlog:local)$/),
  command: z.array(z.string()).optional(),
  hostname: z.string().optional(),
  /** This machine only, written out in full: address, port here, port in the container. */
  ports: z.array(z.string().regex(/^127\.0\.0\.1:\d{1,5}:\d{1,5}$/)).default([]),
  environment: z.record(z.string().regex(/^[A-Z][A-Z0-9_]*$/), z.union([z.string(), z.number()])).default({}),
  entrypoint: z.array(z.string()).optional(),
  /** Named volumes only: `name:/path`, or read-only. */
  volumes: z.array(z.string().regex(/^[a-zA-Z0-9][a-zA-Z0-9._-]*:\/[^:]+(:ro)?$/)).default([]),
  healthcheck: z.record(z.string(), z.unknown()).optional(),
  depends_on: z.record(z.string(), z.object({ condition: z.string() })).default({}),
  stop_grace_period: duration.optional(),
  restart: z.enum(['on-failure', 'unless-stopped']),
});
const composeFile = z.looseObject({
  services: z.record(z.string(), service),
  volumes: z.record(z.string(), z.null()),
});

const root = join(import.meta.dirname, '../..');
const path = join(root, 'docker-compose.yml');
const text = readFileSync(path, 'utf8');
const file = composeFile.parse(parse(text, { merge: true }));
const { kafka, clickhouse, secrets, migrate, agent, consumer, server, fleet } = file.services;
const own = Object.entries(file.services).filter(([, { image }]) => image === 'afterlog:local');

/** What the JSON schema of the Compose Specification, which dclint brings along, has against a file. */
function schemaErrors(compose_path: string): string[] {
  const linter = new DCLinter({ rules: {}, quiet: true, debug: false, exclude: [] });
  const messages = linter.lintFiles([compose_path], false)[0]!.messages as {
    rule: string;
    message: string;
  }[];
  return messages.filter(({ rule }) => rule === 'invalid-schema').map(({ message }) => message);
}

test('the file keeps to the JSON schema of the Compose Specification', async (t) => {
  assert.deepEqual(schemaErrors(path), []);
  const misspelt = join(await temporaryDir(t), 'docker-compose.yml');
  writeFileSync(misspelt, text.replace('stop_grace_period:', 'stop_grace_time:'));
  assert.notDeepEqual(schemaErrors(misspelt), []);
});

test('each volume that is used is declared, and each that is declared is used', () => {
  const used = Object.values(file.services).flatMap(({ volumes }) =>
    volumes.map((one) => one.split(':')[0]!),
  );
  assert.deepEqual([...new Set(used)].toSorted(), Object.keys(file.volumes).toSorted());
});

test('no two services take the same port of this machine', () => {
  const taken = Object.values(file.services).flatMap(({ ports }) => ports.map((one) => one.split(':')[1]!));
  assert.equal(new Set(taken).size, taken.length);
});

test('the images are of the versions that the tests run against', () => {
  const jars = readFileSync(join(root, 'src/kafka/kafka_jars.ts'), 'utf8');
  const version = /KAFKA_VERSION = '([\d.]+)'/.exec(jars)![1];
  assert.equal(kafka!.image, `apache/kafka:${version}`);
  const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, { version?: string }>;
  };
  const embedded = lock.packages['node_modules/@chdb/lib-linux-x64-gnu']!.version!;
  const branch = embedded.split('.').slice(0, 2).join('.');
  assert.equal(clickhouse!.image, `clickhouse/clickhouse-server:${branch}`);
});

test('own containers run commands that there are, with settings that there are', () => {
  const commands = createProgram('0').commands.map((command) => command.name());
  const settings = allSettings.map(({ env }) => env);
  const names = ['agent', 'consumer', 'fleet', 'migrate', 'secrets', 'server'];
  assert.deepEqual(own.map(([name]) => name).toSorted(), names);
  for (const [name, { command, entrypoint, environment }] of own) {
    if (entrypoint === undefined) {
      assert.deepEqual(command, [name]);
      assert.ok(commands.includes(name), name);
    } else assert.ok(existsSync(join(root, entrypoint[0]!.replace('/opt/afterlog/', ''))));
    for (const setting of Object.keys(environment))
      assert.ok(settings.includes(setting.replace(/_FILE$/, '')), setting);
  }
});

test('one service builds the image, and all others start after it', () => {
  const builders = own.filter(([, one]) => one.build !== undefined).map(([name]) => name);
  assert.deepEqual(builders, ['migrate']);
  const needs = (name: string): string[] =>
    Object.keys(file.services[name]!.depends_on).flatMap((needed) => [needed, ...needs(needed)]);
  for (const [name, { pull_policy }] of own) {
    if (name === 'migrate') continue;
    assert.ok(needs(name).includes('migrate'), name);
    assert.equal(pull_policy, 'never');
  }
});

test('a service waits for one that can tell when it is there', () => {
  for (const { depends_on } of Object.values(file.services)) {
    for (const [needed, { condition }] of Object.entries(depends_on)) {
      const { healthcheck, restart, image } = file.services[needed]!;
      const hasCheck = image === 'afterlog:local' ? healthcheck === undefined : healthcheck !== undefined;
      if (condition === 'service_healthy') assert.ok(hasCheck, needed);
      else assert.deepEqual([condition, restart], ['service_completed_successfully', 'on-failure'], needed);
    }
  }
});

test('fleet and agent share one folder, and the agent has a name that stays', () => {
  const data = (one: typeof agent): string[] => one!.volumes.filter((volume) => volume.endsWith(':/data'));
  assert.deepEqual([data(fleet).length, data(fleet)], [1, data(agent)]);
  assert.ok(agent!.environment.AFTERLOG_HOST);
});

test('a container that is told to stop has longer than its role takes', () => {
  const seconds = (one: typeof agent): number => Number(/^(\d+)s$/.exec(one!.stop_grace_period!)![1]);
  assert.ok(seconds(agent) * 1_000 >= 2 * limits.agent.stop_ms);
  assert.ok(seconds(consumer) * 1_000 >= 1.5 * limits.consume.stop_ms);
  assert.ok(seconds(server) * 1_000 >= 2 * limits.server.stop_ms);
});

test('Kafka’s listeners fit together', () => {
  const { environment, hostname, ports } = kafka!;
  const addresses = (key: string): Map<string, string> =>
    new Map(
      String(environment[key])
        .split(',')
        .map((one) => one.split('://') as [string, string]),
    );
  const listeners = addresses('KAFKA_LISTENERS');
  const protocols = new Map(
    String(environment.KAFKA_LISTENER_SECURITY_PROTOCOL_MAP)
      .split(',')
      .map((one) => one.split(':') as [string, string]),
  );
  const portOf = (address: string): string => address.slice(address.lastIndexOf(':') + 1);
  assert.deepEqual([...protocols.keys()].toSorted(), [...listeners.keys()].toSorted());
  const controller = String(environment.KAFKA_CONTROLLER_LISTENER_NAMES);
  const voter = `${environment.KAFKA_NODE_ID}@${hostname}:${portOf(listeners.get(controller)!)}`;
  assert.equal(environment.KAFKA_CONTROLLER_QUORUM_VOTERS, voter);
  const advertised = addresses('KAFKA_ADVERTISED_LISTENERS');
  assert.ok(!advertised.has(controller), 'a controller’s listener is not advertised');
  assert.ok(advertised.has(String(environment.KAFKA_INTER_BROKER_LISTENER_NAME)));
  for (const [listener, address] of advertised) {
    assert.equal(portOf(address), portOf(listeners.get(listener)!), listener);
  }
  const published = ports
    .map((one) => one.split(':'))
    .find(([, , inside]) => inside === portOf(listeners.get('HOST')!));
  assert.equal(advertised.get('HOST'), published!.slice(0, 2).join(':'));
  assert.equal(consumer!.environment.AFTERLOG_KAFKA_BROKERS, advertised.get('INTERNAL'));
});

test('what Kafka keeps lies in its volume', () => {
  const { environment, volumes } = kafka!;
  assert.ok(volumes.some((one) => one.split(':')[1] === environment.KAFKA_LOG_DIRS));
});

test('the settings in its head, and of its containers, are the ones of its services', () => {
  const head = (key: string): string => new RegExp(`${key}=(\\S+)`).exec(text)![1]!;
  assert.ok(kafka!.ports.some((one) => one.startsWith(`${head('AFTERLOG_KAFKA_BROKERS')}:`)));
  const { host } = new URL(head('AFTERLOG_CLICKHOUSE_URL'));
  assert.ok(clickhouse!.ports.some((one) => one.startsWith(`${host}:`)));
  const password = `\${AFTERLOG_CLICKHOUSE_PASSWORD:-${head('AFTERLOG_CLICKHOUSE_PASSWORD')}}`;
  const { CLICKHOUSE_USER, CLICKHOUSE_PASSWORD } = clickhouse!.environment;
  assert.deepEqual([CLICKHOUSE_USER, CLICKHOUSE_PASSWORD], [head('AFTERLOG_CLICKHOUSE_USERNAME'), password]);
  for (const { environment } of [migrate!, agent!, consumer!, server!]) {
    assert.equal(environment.AFTERLOG_CLICKHOUSE_USERNAME, CLICKHOUSE_USER);
    assert.equal(environment.AFTERLOG_CLICKHOUSE_PASSWORD, password);
  }
});

test('agent, consumer and server have tokens that no other project has, and the server asks the agent', async (t) => {
  const [api, own_agent] = [await temporaryDir(t), await temporaryDir(t)];
  const script = join(root, 'docker/secrets.sh');
  assert.deepEqual(secrets!.entrypoint, ['/opt/afterlog/docker/secrets.sh']);
  const files = (): string[] =>
    [api, own_agent].flatMap((dir) => readdirSync(dir).map((name) => join(dir, name)));
  const made = (env: Record<string, string> = {}): Record<string, string> => {
    execFileSync(script, [api, own_agent], { env: { PATH: process.env.PATH, ...env } });
    assert.deepEqual(readdirSync(own_agent), ['agent_token']);
    return Object.fromEntries(files().map((path) => [basename(path), readFileSync(path, 'utf8').trim()]));
  };
  const first = made();
  assert.deepEqual(Object.keys(first).toSorted(), ['agent_token', 'api_token', 'api_tokens']);
  assert.equal(first.api_tokens, sha256(first.api_token!));
  assert.deepEqual(made(), first, 'the next start keeps them');
  for (const path of files()) assert.equal(statSync(path).mode & 0o777, 0o600, path);
  const environment = {
    AFTERLOG_TOKENS_FILE: join(api, 'api_tokens'),
    AFTERLOG_AGENT_TOKEN_FILE: join(own_agent, 'agent_token'),
  };
  assert.equal(loadSettings({}, environment).agent_token, first.agent_token);
  const given = { AFTERLOG_TOKENS: `${sha256('x')}:w`, AFTERLOG_AGENT_TOKEN: 'a-token-of-my-own' };
  assert.deepEqual(made(given), {
    agent_token: given.AFTERLOG_AGENT_TOKEN,
    api_tokens: given.AFTERLOG_TOKENS,
  });

  for (const one of [agent, consumer, server]) {
    assert.equal(one!.environment.AFTERLOG_AGENT_TOKEN_FILE, '/agent-secrets/agent_token');
    assert.ok(one!.volumes.includes('agent-secrets:/agent-secrets:ro'));
    // The token of readers is for nobody but the server.
    assert.equal(one!.volumes.includes('secrets:/secrets:ro'), one === server);
    assert.ok(one!.depends_on.secrets);
  }
  assert.equal(server!.environment.AFTERLOG_TOKENS_FILE, '/secrets/api_tokens');
  assert.equal(server!.environment.AFTERLOG_AGENT_URL, 'http://agent:8601');
  assert.match(text, /Bearer \$\(docker compose exec -T server cat \/secrets\/api_token\)/);
});
