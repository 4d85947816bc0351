import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { AfterlogError } from '../errors.ts';

const list = z.preprocess(
  (value) =>
    typeof value === 'string'
      ? value
          .split(',')
          .map((item) => item.trim())
          .filter(Boolean)
      : value,
  z.array(z.string()),
);
const address = z
  .string()
  .refine(isAddress, 'host:port with a port from 0 to 65535, for example 127.0.0.1:8600');
const httpUrl = z.string().refine(isHttpUrl, 'an http:// or https:// URL, for example http://127.0.0.1:8123');

/**
 * All settings. A path here is the setting's name everywhere: `kafka.brokers` in afterlog.yaml,
 * AFTERLOG_KAFKA_BROKERS in the environment, --kafka-brokers as a flag.
 */
export const settingsSchema = z.strictObject({
  data_dir: z
    .string()
    .default('/var/lib/pandastack')
    .describe('The runtime’s folder that holds the sandboxes'),
  state_dir: z.string().optional().describe('Spool and own state; default <data_dir>/.afterlog'),
  host: z
    .string()
    .regex(/^[^/\s]{1,200}$/, 'a name without slash or space')
    .default(() => hostname())
    .describe('Name of this host in every row'),
  layout: z
    .string()
    .regex(/^[^{}]*\{sandbox\}(\/[^{}]*)?\/\{log\}$/, 'a path template such as vms/{sandbox}/{log}')
    .default('vms/{sandbox}/{log}')
    .describe('Where a sandbox’s logs lie, relative to data_dir'),
  runtime_url: z.string().optional().describe('The runtime’s agent, asked for labels'),
  kafka: z
    .strictObject({
      brokers: list.default([]).describe('host:port, comma-separated; empty: direct to ClickHouse'),
      topic: z.string().default('sandbox-logs').describe('Topic of the batches'),
      group: z.string().optional().describe('Consumer group; default afterlog-<topic>'),
    })
    .prefault({}),
  clickhouse: z
    .strictObject({
      url: httpUrl
        .optional()
        .describe('http(s)://host:port; default: a running `afterlog up`, else 127.0.0.1:8123'),
      database: z
        .string()
        .regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'letters, digits, underscore')
        .default('afterlog')
        .describe('Database of the tables'),
      username: z.string().default('default').describe('ClickHouse user'),
      password: z.string().default('').describe('Its password'),
    })
    .prefault({}),
  listen: address.default('127.0.0.1:8600').describe('HTTP API'),
  agent_listen: address.default('127.0.0.1:8601').describe('The agent’s metrics and flush'),
  consumer_listen: address.default('127.0.0.1:8602').describe('The consumer’s metrics'),
  tokens: list.default([]).describe('sha256hex[:workspace[:scopes]]; none: only loopback is served'),
});

type Parsed = z.infer<typeof settingsSchema>;
export type Settings = Omit<Parsed, 'state_dir' | 'kafka'> & {
  state_dir: string;
  kafka: Parsed['kafka'] & { group: string };
};

/** Every setting as its path, for flags, environment and documentation. */
export const settingPaths: { path: string[]; env: string; flag: string; description: string }[] = [];
(function collect(shape: Record<string, z.ZodType>, path: string[]): void {
  for (const [name, field] of Object.entries(shape)) {
    const here = [...path, name];
    const inner = field instanceof z.ZodPrefault ? field.unwrap() : field;
    if (inner instanceof z.ZodObject) collect(inner.shape as Record<string, z.ZodType>, here);
    else {
      settingPaths.push({
        path: here,
        env: `AFTERLOG_${here.join('_').toUpperCase()}`,
        flag: `--${here.join('-').replaceAll('_', '-')}`,
        description: field.description ?? '',
      });
    }
  }
})(settingsSchema.shape, []);

/**
 * Settings from afterlog.yaml (in the working folder, or AFTERLOG_CONFIG), overridden by AFTERLOG_*, overridden
 * by flags (`--kafka-topic x` arrives as { kafkaTopic: 'x' }).
 * @throws AfterlogError SETTING_INVALID or SETTING_UNKNOWN: path, value found, what is allowed
 */
export function loadSettings(
  flags: Record<string, unknown> = {},
  environment: NodeJS.ProcessEnv = process.env,
): Settings {
  const raw = readFile(environment.AFTERLOG_CONFIG);
  for (const { path, env, flag } of settingPaths) {
    if (environment[env] !== undefined && environment[env] !== '') put(raw, path, environment[env]);
    const camel = flag.slice(2).replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase());
    if (flags[camel] !== undefined) put(raw, path, flags[camel]);
  }
  const parsed = settingsSchema.safeParse(raw);
  if (!parsed.success) throw settingError(parsed.error.issues[0]!, raw);
  const { data_dir, kafka } = parsed.data;
  return {
    ...parsed.data,
    state_dir: parsed.data.state_dir ?? join(data_dir, '.afterlog'),
    // A group of its own for each topic: in a shared one, kafkajs deals every topic to every member.
    kafka: { ...kafka, group: kafka.group ?? `afterlog-${kafka.topic}` },
  };
}

function readFile(named: string | undefined): Record<string, unknown> {
  const path = named ?? 'afterlog.yaml';
  if (named === undefined && !existsSync(path)) return {};
  try {
    // Loaded with a file only: most commands have none, and it is a fifth of their start.
    const yaml = createRequire(import.meta.url)('yaml') as typeof import('yaml');
    const content: unknown = yaml.parse(readFileSync(path, 'utf8')) ?? {};
    if (typeof content === 'object' && !Array.isArray(content)) return content as Record<string, unknown>;
    throw new Error('it is not a mapping of settings');
  } catch (error) {
    throw new AfterlogError(
      'SETTING_INVALID',
      `The settings file ${path} cannot be used: ${(error as Error).message}`,
    );
  }
}

function put(target: Record<string, unknown>, path: string[], value: unknown): void {
  let at = target;
  for (const name of path.slice(0, -1)) {
    at[name] ??= {};
    at = at[name] as Record<string, unknown>;
  }
  at[path.at(-1)!] = value;
}

function settingError(issue: z.core.$ZodIssue, raw: unknown): AfterlogError {
  const path = issue.path.map(String);
  if (issue.code === 'unrecognized_keys') {
    const name = [...path, issue.keys[0]!].join('.');
    const known = settingPaths.map((setting) => setting.path.join('.')).join(', ');
    return new AfterlogError('SETTING_UNKNOWN', `There is no setting '${name}'. Settings: ${known}.`);
  }
  let found: unknown = raw;
  for (const name of path) found = (found as Record<string, unknown> | undefined)?.[name];
  const setting = settingPaths.find((known) => known.path.join('.') === path.join('.'));
  const name = setting ? `${path.join('.')} (${setting.env})` : path.join('.');
  return new AfterlogError(
    'SETTING_INVALID',
    `Setting ${name} is ${JSON.stringify(found)}; allowed: ${issue.message}.`,
  );
}

function isAddress(text: string): boolean {
  return /^.+:\d{1,5}$/.test(text) && splitAddress(text).port <= 65_535;
}

function isHttpUrl(text: string): boolean {
  return ['http:', 'https:'].includes(URL.parse(text)?.protocol ?? '');
}

/** @throws AfterlogError SETTING_INVALID for what is nothing without Kafka */
export function requireBrokers(settings: Settings): void {
  if (settings.kafka.brokers.length > 0) return;
  const allowed = 'host:port of a broker, or several with commas';
  throw new AfterlogError(
    'SETTING_INVALID',
    `Setting kafka.brokers (AFTERLOG_KAFKA_BROKERS) is empty; needed is ${allowed}.`,
  );
}

/** Splits `host:port` of a listen setting. */
export function splitAddress(text: string): { host: string; port: number } {
  const at = text.lastIndexOf(':');
  return { host: text.slice(0, at).replace(/^\[|\]$/g, ''), port: Number(text.slice(at + 1)) };
}
