import { hostname } from 'node:os';
import { join, resolve } from 'node:path';
import type { z } from 'zod';
import { AfterlogError } from '../base/errors.ts';
import { patternFault } from '../redact/pattern_check.ts';
import { type Given, givenAsFlags, givenInEnvironment, invalid, type Origin, type Wrong } from './given.ts';
import { allSettings, configSetting, type Setting, settingsSchema } from './schema.ts';
import { givenInFile } from './settings_file.ts';
import { quoted } from './shown.ts';

export { allSettings, settingsSchema } from './schema.ts';

type Parsed = z.infer<typeof settingsSchema>;
export type Settings = Omit<Parsed, 'host' | 'state_dir' | 'kafka'> & {
  host: string;
  state_dir: string;
  kafka: Parsed['kafka'] & { group: string };
};

export interface ReadSettings {
  settings: Settings;
  /** By the setting's name; a setting that is missing here has its default. */
  origins: Map<string, Origin>;
  /** The settings file; `isThere` is false if none was named and the working folder has none. */
  file: { path: string; isThere: boolean };
}

/** @throws the errors of readSettings */
export const loadSettings = (
  flags: Record<string, unknown> = {},
  environment: NodeJS.ProcessEnv = process.env,
): Settings => readSettings(flags, environment).settings;

/**
 * Reads afterlog.yaml (in the working folder, or named by AFTERLOG_CONFIG or --config). Variables AFTERLOG_*
 * override the file, and flags override both (`--kafka-topic x` arrives as { kafkaTopic: 'x' }).
 * @throws AfterlogError SETTING_INVALID or SETTING_UNKNOWN, with one line per fault: the setting's path,
 * where it was set, the value found (secrets masked) and the allowed values
 */
export function readSettings(flags: Record<string, unknown>, environment: NodeJS.ProcessEnv): ReadSettings {
  const set = [givenInEnvironment(environment), givenAsFlags(flags)];
  const named = set.flatMap(({ given }) => given).findLast(({ setting }) => setting === configSetting);
  const path = named === undefined ? 'afterlog.yaml' : String(named.value);
  const { isThere, ...inFile } = givenInFile(path, named?.where ?? null);
  const sources = [inFile, ...set];
  const last = new Map(sources.flatMap(({ given }) => given.map((one) => [one.setting.name, one])));
  const wrong = sources.flatMap((source) => source.wrong);
  const parsed = settingsSchema.safeParse(treeOf(last.values()));
  wrong.push(...(parsed.error?.issues ?? []).map((issue) => complaint(issue, last)), ...together(last));
  if (wrong.length > 0) throw settingsError(wrong);
  const { data_dir, state_dir, host, kafka } = parsed.data!;
  const settings = {
    ...parsed.data!,
    host: host ?? hostname(),
    state_dir: state_dir ?? join(data_dir, '.afterlog'),
    // Each topic needs its own group: in a shared group, kafkajs assigns partitions of every topic to every
    // member.
    kafka: { ...kafka, group: kafka.group ?? `afterlog-${kafka.topic}` },
  };
  return { settings, origins: last, file: { path: resolve(path), isThere } };
}

/**
 * Reads only these settings, from their variables, the files that variables name, and flags. So a fault in
 * another setting holds up no secret that changed.
 * @throws AfterlogError SETTING_INVALID
 */
export function readSecrets(
  wanted: readonly Setting[],
  flags: Record<string, unknown>,
  environment: NodeJS.ProcessEnv,
): Partial<Settings> {
  const variables = wanted.flatMap(({ env }) => [env, `${env}_FILE`]);
  const named = Object.fromEntries(variables.map((name) => [name, environment[name]]));
  const sources = [givenInEnvironment(named), givenAsFlags(flags)];
  const given = sources.flatMap((source) => source.given).filter(({ setting }) => wanted.includes(setting));
  const last = new Map(given.map((one) => [one.setting.name, one]));
  const shape = Object.fromEntries(wanted.map(({ name }) => [name, true]));
  const parsed = settingsSchema.pick(shape as { tokens: true }).safeParse(treeOf(last.values()));
  const wrong = sources.flatMap((source) => source.wrong);
  wrong.push(...(parsed.error?.issues ?? []).map((issue) => complaint(issue, last)));
  if (wrong.length > 0) throw settingsError(wrong);
  return parsed.data!;
}

/** The given values in the shape of the schema, with booleans converted. */
function treeOf(given: Iterable<Given>): Record<string, unknown> {
  const tree: Record<string, unknown> = {};
  for (const { setting, value } of given) {
    if (setting === configSetting) continue;
    const [section, below] = setting.path as [string, string?];
    const isBoolean = setting.type === 'boolean' && /^(true|false)$/i.test(String(value));
    const typed = isBoolean ? String(value).toLowerCase() === 'true' : value;
    if (below === undefined) tree[section] = typed;
    else tree[section] = { ...(tree[section] as object), [below]: typed };
  }
  return tree;
}

/** Uses the setting's sentence about allowed values instead of Zod's message. */
function complaint(issue: z.core.$ZodIssue, given: Map<string, Given>): Wrong {
  const setting = allSettings.find(({ path }) => path.every((part, at) => issue.path[at] === part))!;
  const { where, value } = given.get(setting.name)!;
  const item = Array.isArray(value) ? value[Number(issue.path[setting.path.length])] : undefined;
  const found = item ?? String(value);
  const fault = item !== undefined && setting.name === 'redact_patterns' ? patternFault(item) : null;
  const shown =
    issue.code === 'too_big' && Array.isArray(value) ? `${value.length} values` : quoted(setting, found);
  const what = `${Array.isArray(value) ? 'has' : 'is'} ${shown}${fault === null ? '' : `, which ${fault}`}`;
  return invalid(`Setting ${setting.name} (${where}) ${what}; allowed: ${setting.allowed}.`);
}

/** Settings that are set without another setting that they need. */
function together(given: Map<string, Given>): Wrong[] {
  const wrong: Wrong[] = [];
  const needs = (name: string, other: string, value = ''): void => {
    const { env, flag } = allSettings.find((setting) => setting.name === other)!;
    const how = `${other}${value} (${env}, ${flag})`;
    wrong.push(invalid(`Setting ${name} (${given.get(name)!.where}) also needs ${how}.`));
  };
  const tls = String(given.get('kafka.tls')?.value ?? false).toLowerCase();
  if (given.has('kafka.tls_ca_file') && tls === 'false') needs('kafka.tls_ca_file', 'kafka.tls', ': true');
  for (const [one, other] of [
    ['clickhouse.tls_cert_file', 'clickhouse.tls_key_file'],
    ['clickhouse.tls_key_file', 'clickhouse.tls_cert_file'],
  ] as const) {
    if (given.has(one) && !given.has(other)) needs(one, other);
  }
  const check = String(given.get('kafka.batch_signatures')?.value ?? 'ignore');
  const keys = [given.get('kafka.batch_key')?.value ?? []].flat();
  if (check !== 'ignore' && keys.length === 0) needs('kafka.batch_signatures', 'kafka.batch_key');
  const login = ['kafka.sasl_mechanism', 'kafka.sasl_username', 'kafka.sasl_password'];
  const first = login.find((name) => given.has(name));
  if (first === undefined) return wrong;
  for (const name of login) if (!given.has(name)) needs(first, name);
  return wrong;
}

function settingsError(wrong: Wrong[]): AfterlogError {
  const code = wrong.find((one) => one.code === 'SETTING_INVALID')?.code ?? 'SETTING_UNKNOWN';
  // Two rules of the schema can report the same value.
  return new AfterlogError(code, [...new Set(wrong.map(({ message }) => message))].join('\n'));
}

/**
 * For roles and commands that only work with Kafka.
 * @throws AfterlogError SETTING_INVALID if no broker is set
 */
export function requireBrokers(settings: Settings): void {
  if (settings.kafka.brokers.length > 0) return;
  const allowed = 'host:port of a broker, or several separated by commas';
  throw new AfterlogError(
    'SETTING_INVALID',
    `Setting kafka.brokers (AFTERLOG_KAFKA_BROKERS) is empty; required: ${allowed}.`,
  );
}

/** Splits the `host:port` of a listen setting; an IPv6 host loses its brackets. */
export function splitAddress(text: string): { host: string; port: number } {
  const at = text.lastIndexOf(':');
  return { host: text.slice(0, at).replace(/^\[|\]$/g, ''), port: Number(text.slice(at + 1)) };
}
