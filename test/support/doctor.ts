import assert from 'node:assert/strict';
import type { Settings } from '../../src/config/settings.ts';
import type { Finding } from '../../src/doctor/finding.ts';
import { afterlog } from './command.ts';
import { patient } from './patience.ts';

/** `nobody`: has only the rights that everybody has. */
export const OTHER_USER = 65_534;

/** Runs a program as another user, with only these capabilities (`fowner`, `dac_read_search`). */
export function asUser(uid: number, ...capabilities: string[]): string[] {
  const some = capabilities.map((name) => `+${name}`).join(',');
  const kept = some === '' ? [] : [`--inh-caps=${some}`, `--ambient-caps=${some}`];
  return ['setpriv', `--reuid=${uid}`, `--regid=${uid}`, '--clear-groups', ...kept];
}

/** The result of `afterlog doctor`. */
export class Diagnosis {
  readonly code: number | null;
  readonly findings: Finding[];

  constructor(code: number | null, findings: Finding[]) {
    this.code = code;
    this.findings = findings;
  }

  /** All findings of a group. */
  of(group: string): Finding[] {
    return this.findings.filter((finding) => finding.group === group);
  }

  /** The only finding with this name. */
  one(name: string): Finding {
    const found = this.all(name);
    assert.equal(found.length, 1, `one ${name} in ${JSON.stringify(this.findings, null, 1)}`);
    return found[0]!;
  }

  all(name: string): Finding[] {
    return this.findings.filter(({ group, check }) => `${group}/${check}` === name);
  }
}

/**
 * Runs doctor, without time limits unless `environment` sets them. Checks that its exit code fits its
 * findings.
 */
export async function diagnose(
  environment: Record<string, string>,
  through: string[] = [],
): Promise<Diagnosis> {
  const { code, stdout, stderr } = await afterlog(
    ['doctor', '--json'],
    { ...patient, ...environment },
    '',
    through,
  );
  assert.equal(stderr, '');
  const lines = String(stdout).split('\n').filter(Boolean);
  const findings = lines.map((line) => JSON.parse(line) as Finding);
  for (const { level, message, cure, command } of findings) {
    assert.ok(message !== '');
    if (level === 'error') assert.ok(cure ?? command, `no cure for: ${message}`);
  }
  assert.equal(code, findings.some(({ level }) => level === 'error') ? 1 : 0);
  return new Diagnosis(code, findings);
}

/** Settings as the environment of a process. */
export const environmentOf = ({
  data_dir,
  state_dir,
  kafka,
  clickhouse,
}: Settings): Record<string, string> => ({
  AFTERLOG_DATA_DIR: data_dir,
  AFTERLOG_STATE_DIR: state_dir,
  AFTERLOG_KAFKA_BROKERS: kafka.brokers.join(','),
  AFTERLOG_KAFKA_TOPIC: kafka.topic,
  AFTERLOG_KAFKA_GROUP: kafka.group,
  AFTERLOG_CLICKHOUSE_URL: clickhouse.url ?? '',
  AFTERLOG_CLICKHOUSE_DATABASE: clickhouse.database,
});
