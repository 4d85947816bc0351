import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { parse } from 'yaml';
import { z } from 'zod';

/**
 * No Docker engine is needed: the file is checked against the part of the Compose Specification that it uses. All
 * objects are strict, so a key that is misspelt, or new to this file, fails until it is described here.
 */
const duration = z.string().regex(/^(\d+(h|m|s|ms|us))+$/, 'a duration such as 1m30s');
const name = z.string().regex(/^[a-zA-Z0-9._-]+$/);
/** A tag that stands for one version or one branch, with at least two numbers. */
const image = z.string().regex(/^[a-z0-9-]+\/[a-z0-9-]+:\d+(\.\d+)+$/, 'an image with a version as its tag');
/** Short syntax, written out in full: address, port here, port in the container. */
const port = z.string().regex(/^127\.0\.0\.1:\d{1,5}:\d{1,5}$/, '127.0.0.1:port:port');

const service = z.strictObject({
  image,
  hostname: name.optional(),
  ports: z.array(port).min(1),
  environment: z.record(z.string().regex(/^[A-Z][A-Z0-9_]*$/), z.union([z.string(), z.number()])),
  /** Named volumes only: `name:/path`. */
  volumes: z.array(z.string().regex(/^[a-zA-Z0-9][a-zA-Z0-9._-]*:\/[^:]+$/)).min(1),
  healthcheck: z.strictObject({
    test: z.tuple([z.enum(['CMD', 'CMD-SHELL'])], z.string()),
    start_period: duration,
    start_interval: duration,
    interval: duration,
    timeout: duration,
    retries: z.number().int().positive(),
  }),
  ulimits: z.record(name, z.strictObject({ soft: z.number().int(), hard: z.number().int() })).optional(),
  stop_grace_period: duration,
  restart: z.enum(['no', 'always', 'on-failure', 'unless-stopped']),
});

const composeFile = z.strictObject({
  name,
  services: z.record(name, service),
  volumes: z.record(name, z.null()),
});

const root = join(import.meta.dirname, '..');
const text = readFileSync(join(root, 'docker-compose.yml'), 'utf8');
const file = composeFile.parse(parse(text));

test('each volume that is used is declared, and each that is declared is used once', () => {
  const used = Object.values(file.services).flatMap(({ volumes }) =>
    volumes.map((one) => one.split(':')[0]!),
  );
  assert.deepEqual(used.toSorted(), Object.keys(file.volumes).toSorted());
});

test('no two services take the same port of this machine', () => {
  const taken = Object.values(file.services).flatMap(({ ports }) => ports.map((one) => one.split(':')[1]!));
  assert.equal(new Set(taken).size, taken.length);
});

test('the images are of the versions that the tests run against', () => {
  const jars = readFileSync(join(root, 'src/deliver/kafka_jars.ts'), 'utf8');
  const kafka = /KAFKA_VERSION = '([\d.]+)'/.exec(jars)![1];
  assert.equal(file.services.kafka!.image, `apache/kafka:${kafka}`);
  const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, { version?: string }>;
  };
  const embedded = lock.packages['node_modules/@chdb/lib-linux-x64-gnu']!.version!;
  const branch = embedded.split('.').slice(0, 2).join('.');
  assert.equal(file.services.clickhouse!.image, `clickhouse/clickhouse-server:${branch}`);
});

test('Kafka’s listeners fit together', () => {
  const { environment, hostname, ports } = file.services.kafka!;
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
});

test('what Kafka keeps lies in its volume', () => {
  const { environment, volumes } = file.services.kafka!;
  assert.ok(volumes.some((one) => one.split(':')[1] === environment.KAFKA_LOG_DIRS));
});

test('the settings in its head are the ones of its services', () => {
  const head = (key: string): string => new RegExp(`${key}=(\\S+)`).exec(text)![1]!;
  const { kafka, clickhouse } = file.services;
  assert.ok(kafka!.ports.some((one) => one.startsWith(`${head('AFTERLOG_KAFKA_BROKERS')}:`)));
  const { host } = new URL(head('AFTERLOG_CLICKHOUSE_URL'));
  assert.ok(clickhouse!.ports.some((one) => one.startsWith(`${host}:`)));
  assert.equal(clickhouse!.environment.CLICKHOUSE_USER, head('AFTERLOG_CLICKHOUSE_USERNAME'));
  assert.equal(
    clickhouse!.environment.CLICKHOUSE_PASSWORD,
    `\${AFTERLOG_CLICKHOUSE_PASSWORD:-${head('AFTERLOG_CLICKHOUSE_PASSWORD')}}`,
  );
});
