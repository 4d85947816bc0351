import { readFileSync } from 'node:fs';
import { reasonOf } from '../base/errors.ts';
import { nearest } from './nearest.ts';
import { allSettings, type Setting } from './schema.ts';

/** The source of a value; `where` names it for people: `afterlog.yaml:3`, AFTERLOG_HOST, --host. */
export interface Origin {
  source: 'default' | 'file' | 'environment' | 'flag';
  where: string;
}

/** A value that was set, before validation. */
export interface Given extends Origin {
  setting: Setting;
  value: string | string[];
}

/** A fault in the settings; `message` is one sentence. */
export interface Wrong {
  code: 'SETTING_INVALID' | 'SETTING_UNKNOWN';
  message: string;
}

export interface Source {
  given: Given[];
  wrong: Wrong[];
}

const PREFIX = 'AFTERLOG_';

/**
 * Reads the variables AFTERLOG_*. An empty variable counts as not set. AFTERLOG_…_FILE names a file that
 * contains the value of a secret.
 */
export function givenInEnvironment(environment: NodeJS.ProcessEnv): Source {
  const found: Source = { given: [], wrong: [] };
  /** Known variables, by the name that a misspelled variable is compared with. */
  const known = new Map<string, string>();
  for (const setting of allSettings) {
    const { env } = setting;
    known.set(setting.name, env);
    const give = (where: string, value: string): void => {
      found.given.push({ setting, source: 'environment', where, value: textOrList(setting, value) });
    };
    const value = environment[env];
    if (value) give(env, value);
    if (!setting.secret) continue;
    known.set(`${setting.name}_file`, `${env}_FILE`);
    const file = environment[`${env}_FILE`];
    if (!file) continue;
    if (value) found.wrong.push(invalid(`${env} and ${env}_FILE are both set; set only one of them.`));
    try {
      const text = readFileSync(file, 'utf8').replace(/\r?\n$/, '');
      // A list of tokens that is cut off would mean that no token is needed.
      const isEmptyList = setting.type === 'list' && textOrList(setting, text).length === 0;
      if (isEmptyList) found.wrong.push(invalid(`Setting ${setting.name} (${env}_FILE) is an empty file.`));
      else give(`${env}_FILE`, text);
    } catch (error) {
      found.wrong.push(invalid(`Setting ${setting.name} (${env}_FILE) cannot be read: ${reasonOf(error)}.`));
    }
  }
  const variables = new Set(known.values());
  for (const [name, value] of Object.entries(environment)) {
    if (!name.startsWith(PREFIX) || variables.has(name) || !value || isServiceLink(name, value)) continue;
    const meant = nearest(name.slice(PREFIX.length), [...known.keys()]);
    found.wrong.push(unknown(name, meant === null ? null : known.get(meant)!));
  }
  return found;
}

/** The files that hold secrets, by the variable AFTERLOG_…_FILE that names each. */
export function secretFiles(environment: NodeJS.ProcessEnv): { setting: Setting; path: string }[] {
  return allSettings.flatMap((setting) => {
    const path = setting.secret && environment[`${setting.env}_FILE`];
    return path ? [{ setting, path }] : [];
  });
}

/** Kubernetes sets such variables in every container if the namespace has a service named `afterlog`. */
function isServiceLink(name: string, value: string): boolean {
  return /_SERVICE_(HOST|PORT)|_PORT_\d+_(TCP|UDP|SCTP)/.test(name) || /^(tcp|udp|sctp):\/\//.test(value);
}

/**
 * @param flags as commander returns them: `--kafka-topic x` is { kafkaTopic: 'x' }; a flag without a value is
 * true
 */
export function givenAsFlags(flags: Record<string, unknown>): Source {
  const given = allSettings.flatMap((setting): Given[] => {
    const value = flags[setting.flag.slice(2).replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase())];
    if (value === undefined) return [];
    return [{ setting, source: 'flag', where: setting.flag, value: textOrList(setting, String(value)) }];
  });
  return { given, wrong: [] };
}

export function textOrList({ type, isByLine }: Setting, value: string): string | string[] {
  if (type !== 'list') return value;
  return value
    .split(isByLine ? '\n' : /[,\n]/)
    .map((item) => item.trim())
    .filter(Boolean);
}

export const invalid = (message: string): Wrong => ({ code: 'SETTING_INVALID', message });

export function unknown(name: string, meant: string | null): Wrong {
  const hint = meant === null ? '`afterlog --help` lists all settings.' : `Did you mean ${meant}?`;
  return { code: 'SETTING_UNKNOWN', message: `There is no setting ${name}. ${hint}` };
}
