import { styleText } from 'node:util';
import { harmless } from '../../base/text.ts';
import type { Settings } from '../../config/settings.ts';
import { examine } from '../../doctor/doctor.ts';
import { type Finding, groups, type Level } from '../../doctor/finding.ts';
import { currentUser } from '../../doctor/user.ts';
import { jsonLine, print } from '../output.ts';

type Style = Parameters<typeof styleText>[0];

const styles: Record<Level, Style> = { ok: 'green', note: 'cyan', warning: 'yellow', error: ['red', 'bold'] };

/**
 * `afterlog doctor`: checks this machine, Kafka and ClickHouse, and prints findings with their cures.
 * @returns the exit code: 1 if there is an error
 */
export async function doctor(settings: Settings, { json }: { json?: boolean }): Promise<number> {
  const { name } = currentUser();
  if (!json) await print(`Checking as user ${name} on host ${settings.host} …\n`);
  const findings = await examine(settings);
  await print(json ? findings.map(jsonLine).join('') : textOf(findings));
  return findings.some(({ level }) => level === 'error') ? 1 : 0;
}

function textOf(findings: Finding[]): string {
  const parts = [...Map.groupBy(findings, ({ group }) => group)].map(([group, some]) => {
    const roles = [...new Set(some.flatMap((finding) => finding.roles))];
    const title = `${painted('bold', groups[group])} ${painted('dim', `(${roles.join(', ')})`)}`;
    return `\n${title}\n${some.map((finding) => lineOf(finding, roles)).join('')}`;
  });
  return `${parts.join('')}\n${sumOf(findings)}\n`;
}

function lineOf({ level, message, cure, command, roles }: Finding, all: string[]): string {
  const whose = roles.length < all.length ? painted('dim', ` (${roles.join(', ')})`) : '';
  const lines = [`  ${painted(styles[level], level.padEnd(7))}  ${harmless(message)}${whose}`];
  if (cure !== undefined) lines.push(`           → ${harmless(cure)}`);
  if (command !== undefined) lines.push(`           $ ${harmless(command)}`);
  return `${lines.join('\n')}\n`;
}

/** `12 ok, 1 note, 2 warnings, no errors`. */
function sumOf(findings: Finding[]): string {
  const count = (level: Level): number => findings.filter((finding) => finding.level === level).length;
  const named = (level: Level): string => {
    const number = count(level);
    return `${number || 'no'} ${level}${number === 1 ? '' : 's'}`;
  };
  return `${count('ok')} ok, ${named('note')}, ${named('warning')}, ${named('error')}`;
}

/** Colors only on a terminal; respects NO_COLOR. */
const painted = (style: Style, text: string): string => styleText(style, text, { stream: process.stdout });
