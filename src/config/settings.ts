import { hostname } from 'node:os';
import { join, resolve } from 'node:path';
import type { z } from 'zod';
import { AfterlogError } from '../base/errors.ts';
import { patternFault } from '../redact/pattern_check.ts';
import { type Given, givenAsFlags, givenInEnvironment, invalid, type Origin, type Wrong } from './given.ts';
import { allSettings, configSetting, settingsSchema } from './schema.ts';
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
  /** By the setting's name; what is not in it has its default. */
  origins: Map<string, Origin>;
  /** Of afterlog.yaml; `isThere` false: none was named, and there is none in the working folder. */
  file: { path: string; isThere: boolean };
}

/** @throws as readSettings */
export const loadSettings = (
  flags: Record<string, unknown> = {},
  environment: NodeJS.ProcessEnv = process.env,
): Settings => readSettings(flags, environment).settings;

/**
 * Settings from afterlog.yaml (in the working folder, or AFTERLOG_CONFIG), overridden by AFTERLOG_*, overridden
 * by flags (`--kafka-topic x` arrives as { kafkaTopic: 'x' }).
 * @throws AfterlogError SETTING_INVALID or SETTING_UNKNOWN: one line for each thing that is wrong, with the setting's
 * path, where it was set, the value found (secrets masked) and what is allowed
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
    // A group of its own for each topic: in a shared one, kafkajs deals every topic to every member.
    kafka: { ...kafka, group: kafka.group ?? `afterlog-${kafka.topic}` },
  };
  return { settings, origins: last, file: { path: resolve(path), isThere } };
}

/** What was set, in the schema's shape and types. */
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

/** The schema describes what is allowed in one sentence a setting, so the issue's own message is not needed. */
function complaint(issue: z.core.$ZodIssue, given: Map<string, Given>): Wrong {
  const setting = allSettings.find(({ path }) => path.every((part, at) => issue.path[at] === part))!;
  const { where, value } = given.get(setting.name)!;
  const isItem = Array.isArray(value);
  const found = isItem ? value[Number(issue.path[setting.path.length])]! : value;
  const fault = setting.name === 'redact_patterns' ? patternFault(found as string) : null;
  const what = `${isItem ? 'has' : 'is'} ${quoted(setting, found)}${fault === null ? '' : `, which ${fault}`}`;
  return invalid(`Setting ${setting.name} (${where}) ${what}; allowed: ${setting.allowed}.`);
}

/** What may be set alone and not without another. */
function together(given: Map<string, Given>): Wrong[] {
  const wrong: Wrong[] = [];
  const needs = (name: string, other: string, value = ''): void => {
    const { env, flag } = allSettings.find((setting) => setting.name === other)!;
    const how = `${other}${value} (${env}, ${flag})`;
    wrong.push(invalid(`Setting ${name} (${given.get(name)!.where}) is set, which needs ${how}.`));
  };
  const tls = String(given.get('kafka.tls')?.value ?? false).toLowerCase();
  if (given.has('kafka.tls_ca_file') && tls === 'false') needs('kafka.tls_ca_file', 'kafka.tls', ': true');
  const login = ['kafka.sasl_mechanism', 'kafka.sasl_username', 'kafka.sasl_password'];
  const first = login.find((name) => given.has(name));
  if (first === undefined) return wrong;
  for (const name of login) if (!given.has(name)) needs(first, name);
  return wrong;
}

function settingsError(wrong: Wrong[]): AfterlogError {
  const code = wrong.find((one) => one.code === 'SETTING_INVALID')?.code ?? 'SETTING_UNKNOWN';
  // Two rules may find fault with one value.
  return new AfterlogError(code, [...new Set(wrong.map(({ message }) => message))].join('\n'));
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
