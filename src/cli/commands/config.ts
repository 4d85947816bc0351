import { settingsJsonSchema } from '../../config/json_schema.ts';
import { configSetting } from '../../config/schema.ts';
import { allSettings, type ReadSettings, readSettings, type Settings } from '../../config/settings.ts';
import { masked } from '../../config/shown.ts';
import { resolveClickHouse } from '../../store/client.ts';
import { findUp } from '../../store/up_record.ts';
import { table } from '../format.ts';
import { jsonLine, print } from '../output.ts';

interface Shown {
  setting: string;
  /** null if not set and without a default. Secrets are masked. */
  value: unknown;
  source: 'default' | 'file' | 'environment' | 'flag' | 'up';
  /** `afterlog.yaml:3`, AFTERLOG_HOST, --host; null for a default. */
  where: string | null;
}

/**
 * `afterlog config`: the effective settings and their sources, with secrets masked; or the JSON Schema of the
 * file.
 * @throws the errors of readSettings
 */
export async function config(
  flags: Record<string, unknown>,
  options: { json?: boolean; schema?: boolean },
): Promise<void> {
  if (options.schema) return print(`${JSON.stringify(settingsJsonSchema(), null, 2)}\n`);
  const read = readSettings(flags, process.env);
  const shown = allSettings.map((setting) => shownOf(setting.name, read));
  if (options.json) return print(shown.map(jsonLine).join(''));
  const rows = shown.map(({ setting, value, where }) => [setting, textOf(value), where ?? 'default']);
  await print(table(['SETTING', 'VALUE', 'FROM'], rows));
}

function shownOf(name: string, read: ReadSettings): Shown {
  const { settings, origins, file } = read;
  const setting = allSettings.find((one) => one.name === name)!;
  const origin = origins.get(name);
  const from = { source: origin?.source ?? ('default' as const), where: origin?.where ?? null };
  if (setting === configSetting) {
    return { setting: name, value: file.isThere ? file.path : null, ...from };
  }
  const up = isOfUp(name, settings) ? findUp(settings) : null;
  if (up !== null) Object.assign(from, { source: 'up', where: `running afterlog up, process ${up.pid}` });
  return { setting: name, value: masked(setting, effective(name, settings)), ...from };
}

/** Whether a running `afterlog up` says what this setting is. */
function isOfUp(name: string, { clickhouse }: Settings): boolean {
  if (clickhouse.url !== undefined) return false;
  if (name === 'clickhouse.url') return true;
  const isLogin = name === 'clickhouse.username' || name === 'clickhouse.password';
  return isLogin && clickhouse.username === undefined;
}

function effective(name: string, settings: Settings): unknown {
  if (name === 'clickhouse.url') return resolveClickHouse(settings).url;
  if (name === 'clickhouse.username') return resolveClickHouse(settings).username;
  if (name === 'clickhouse.password') return resolveClickHouse(settings).password;
  return name.split('.').reduce((at: unknown, part) => (at as Record<string, unknown>)[part], settings);
}

function textOf(value: unknown): string {
  const text = Array.isArray(value) ? value.join(', ') : String(value ?? '');
  return text === '' ? '-' : text;
}
