import assert from 'node:assert/strict';
import { appendFileSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import { freePort } from '../../src/base/child_process.ts';
import { limits } from '../../src/base/limits.ts';
import { randomOf } from '../support/content.ts';
import { until } from '../support/patience.ts';
import { releasedAgent } from '../support/released_agent.ts';

/** Patterns that 0.1.0 takes, and the text of a guest on which a search by backtracking does not end. */
const BACKTRACKING = ['a{1,64}a{1,64}a{1,64}b', '(\\w{1,8}){1,8}!', 'secret-\\d+'];
/** Takes many steps from either end. */
const COSTLY = '.{1,60}[ab].{1,60}[bc].{1,60}[=~].{1,60}[cb].{1,60}[ba].{1,60}!';
const LONG = limits.parse.line_bytes_max - 2;
const VICTIM_LINES = 50;

/** An agent that redacts. */
async function agentWith(t: TestContext, patterns: string[]) {
  const listen = `127.0.0.1:${await freePort()}`;
  const {
    agent,
    lines: rows,
    ...host
  } = await releasedAgent(t, {
    AFTERLOG_AGENT_LISTEN: listen,
    AFTERLOG_REDACT_PATTERNS: patterns.join('\n'),
  });
  agent.start();
  const write = (sandbox: string, lines: string[]): string =>
    host.write(sandbox, lines.map((line) => `${line}\r\n`).join(''));
  /** The victim writes until so many of its lines are stored, while the others' lines are there. */
  const victimIsRead = async (path: string): Promise<void> => {
    let written = 0;
    await until(
      () => {
        appendFileSync(path, `victim ${written++} secret-${written}\r\n`);
        return rows('victim').length >= VICTIM_LINES;
      },
      () => `the victim's lines: ${rows('victim').length} of ${written} are stored`,
    );
  };
  const health = async (): Promise<Record<string, unknown>> =>
    (await (await fetch(`http://${listen}/healthz`)).json()) as Record<string, unknown>;
  return { agent, rows, write, victimIsRead, health };
}

test('no line of a guest makes the matching of patterns explode; all lines of all sandboxes get through', async (t) => {
  const { rows, write, victimIsRead, health } = await agentWith(t, BACKTRACKING);
  const victim = write('victim', ['first secret-1']);
  await until(() => rows('victim').length === 1);
  const hostile = Array.from({ length: 20 }, (_, n) => (n % 2 === 0 ? 'a' : 'w').repeat(LONG - n));
  write('hostile', [...hostile, 'aaab!', 'w!']);
  await victimIsRead(victim);
  await until(() => rows('hostile').length >= hostile.length + 2);
  assert.deepEqual(
    rows('hostile').map(({ bytes }) => String(bytes)),
    [...hostile, '*****', '**'].map((line) => `${line}\r\n`),
  );
  for (const { message } of rows('victim')) assert.doesNotMatch(message, /secret/);
  assert.equal((await health()).redacted_whole_line, 0);
});

test('a line for which a pattern would take too many steps is hidden whole, counted and logged; others are not', async (t) => {
  const { agent, rows, write, victimIsRead, health } = await agentWith(t, [COSTLY, 'secret-\\d+']);
  const victim = write('victim', ['first secret-1']);
  await until(() => rows('victim').length === 1);
  const random = randomOf(7);
  const hostile = Array.from({ length: LONG }, () => 'abc!'[Math.floor(random() * 4)]).join('');
  write('hostile', [hostile, 'shown', ...Array.from({ length: 15 }, () => hostile)]);
  await victimIsRead(victim);
  await until(() => rows('hostile').length >= 17);
  const stars = '*'.repeat(LONG);
  assert.deepEqual(
    rows('hostile').map(({ bytes }) => String(bytes)),
    [stars, 'shown', ...Array.from({ length: 15 }, () => stars)].map((line) => `${line}\r\n`),
  );
  for (const { message } of rows('victim')) assert.match(message, /^(first|victim \d+) \*+$/);
  assert.equal((await health()).redacted_whole_line, 16);
  assert.match(agent.output, /LINE_HIDDEN.*\.\{1,60\}\[ab\]/);
});
