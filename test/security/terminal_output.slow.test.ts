import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { clickhouse, clickhouseUrl } from '../support/clickhouse.ts';
import { onTerminal } from '../support/pty.ts';
import { RELEASED, runReleased } from '../support/released.ts';
import { gapRow, insertRows, sealRow } from '../support/rows.ts';
import { temporaryDir, uniqueName } from '../support/temporary.ts';

/** What acts on a terminal, or shows another text than there is: one of each kind. */
const ATTACK = [
  ...['\u001b[2J', '\u001b]0;title\u0007', '\u001bc', '\b\b\b', 'over\rwritten', '\u000b', '\u007f'],
  ...['\u009b2J', '\u0085', '\u009d0;title\u009c', '\u202emoc.live\u202c', '\u2066isolated\u2069', '\u061c'],
  ...['zero\u200bwidth', 'joi\u200dner', '\u2060', '\ufeff', 'soft\u00adhyphen', 'line\u2028separator'],
  ...['\u{e0041}tag'],
].join(' ');
/** Columns that are sent as they are lie about nothing: they hold one character a byte. */
const asBytes = (text: string): string => Buffer.from(text).toString('latin1');

/** C0 without LF and tab, DEL, C1, marks of direction, and characters without a width. */
const FORBIDDEN =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the control characters themselves
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]|[\u{e0000}-\u{e007f}]/u;
// biome-ignore lint/suspicious/noControlCharactersInRegex: our own colors
const colors = /\u001b\[[\d;]*m/g;

/** The forbidden characters in an output, as code points. */
function foundIn(bytes: Buffer): string[] {
  const text = bytes.toString().replace(colors, '');
  const found = new Set<string>();
  for (const character of text) {
    if (FORBIDDEN.test(character)) found.add(`U+${character.codePointAt(0)!.toString(16).padStart(4, '0')}`);
  }
  // A byte that is no UTF-8 may be a C1 control to a terminal of another encoding.
  if (!Buffer.from(bytes.toString()).equals(bytes)) found.add('bytes that are no UTF-8');
  return [...found];
}

/** A database whose every text is hostile, and a state dir with a hostile batch that was set aside. */
async function hostileSite(t: TestContext) {
  const client = clickhouse(t);
  const database = uniqueName('test');
  t.after(() => client.command({ query: `DROP DATABASE IF EXISTS ${database}` }));
  const dir = await temporaryDir(t);
  const environment = {
    AFTERLOG_CLICKHOUSE_URL: clickhouseUrl(),
    AFTERLOG_CLICKHOUSE_DATABASE: database,
    AFTERLOG_DATA_DIR: join(dir, 'data'),
    AFTERLOG_STATE_DIR: join(dir, 'state'),
  };
  const migrated = await runReleased(['migrate'], environment);
  assert.equal(migrated.code, 0, migrated.stderr);
  const more = {
    ...{ workspace: ATTACK, template: ATTACK, host: ATTACK, source: ATTACK, severity: ATTACK },
    timestamp: `${new Date().toISOString().slice(0, 19).replace('T', ' ')}.000000000`,
  };
  const message = asBytes(ATTACK);
  for (const sandbox_id of ['s', `s ${ATTACK}`]) {
    await insertRows(client, database, [
      { ...more, sandbox_id, position: 0, message, event: 'boot.start', title: ATTACK },
      { ...more, sandbox_id, position: 500, message, event: 'app.exception', title: ATTACK },
      { ...more, sandbox_id, position: 1_000, message: `${message}\u009b\u00ff`, event: ATTACK },
      { ...more, ...gapRow(sandbox_id, 1_500, 10, ATTACK) },
      { ...more, ...sealRow(sandbox_id, 1_510, ATTACK) },
      { ...more, sandbox_id, log: `log ${ATTACK}`, position: 0, message },
    ]);
  }
  mkdirSync(join(dir, 'state', 'refused'), { recursive: true });
  const batch = join(dir, 'state', 'refused', 'host\u009b\u202e-1-1');
  writeFileSync(`${batch}.batch`, ATTACK);
  writeFileSync(`${batch}.reason`, ATTACK);
  const file = join(dir, 'console.log');
  writeFileSync(file, `${ATTACK}\nTraceback (most recent call last):\nKeyError: '${ATTACK}'\n`);
  return { environment, file };
}

const COLUMNS = 'SELECT message, sandbox_id, host FROM console_logs ORDER BY position';
/** Each command that shows what guests, hosts or ClickHouse say. */
const commands = (file: string): string[][] => [
  ['logs', 's'],
  ['logs', 's', '--raw'],
  ['logs', `s ${ATTACK}`],
  ['logs', `unknown ${ATTACK}`],
  ['logs', 's', '--source', `x${ATTACK}`],
  ['search', 'over'],
  ['sandboxes'],
  ['boots'],
  ['crashes'],
  ['crashes', '--each'],
  ['verify'],
  ['wait', 's', '--for', 'zero', '--timeout', '1'],
  ['dlq'],
  ['dlq', '--count'],
  ['dlq', '--reason', 'e'],
  ['parse', file],
  ['doctor'],
  ['config'],
  ['sql', COLUMNS],
  ['sql', `${COLUMNS} FORMAT TSV`],
  ['sql', `${COLUMNS} FORMAT TSVRaw`],
  ['sql', `${COLUMNS} FORMAT CSV`],
  ['sql', `${COLUMNS} FORMAT Vertical`],
  ['sql', `SELECT throwIf(1, '${ATTACK.replaceAll('\\', '')}')`],
  [`no${ATTACK}command`],
  ['logs', 's', `--no${ATTACK}option`],
];
const jsonCommands = (file: string): string[][] => [
  ...[
    'logs s',
    'search over',
    'sandboxes',
    'boots',
    'crashes',
    'crashes --each',
    'verify',
    'dlq',
    'dlq --count',
    'doctor',
  ].map((words) => [...words.split(' '), '--json']),
  ['parse', file, '--json'],
  ['sql', COLUMNS, '--json'],
  ['sql', `${COLUMNS} FORMAT JSONCompact`],
];
const nameOf = (args: string[]): string =>
  args.map((arg) => JSON.stringify(arg).slice(1, -1).slice(0, 40)).join(' ');

test('no command lets anything through that acts on a terminal, or hides there', async (t) => {
  const { environment, file } = await hostileSite(t);
  const offenders: Record<string, string[]> = {};
  for (const args of [...commands(file), ...jsonCommands(file)]) {
    const { bytes } = await onTerminal(process.execPath, [RELEASED, ...args], {
      PATH: process.env.PATH,
      ...environment,
    });
    assert.notEqual(bytes.length, 0, `${nameOf(args)} shows something`);
    const found = foundIn(bytes);
    if (found.length > 0) offenders[nameOf(args)] = found;
  }
  assert.deepEqual(offenders, {});
});

test('JSON of each command names such characters also in a pipe, and holds the text as it is stored', async (t) => {
  const { environment, file } = await hostileSite(t);
  const offenders: Record<string, string[]> = {};
  for (const args of jsonCommands(file)) {
    const { stdout, stderr } = await runReleased(args, environment);
    assert.notEqual(stdout.length, 0, `${nameOf(args)}: ${stderr}`);
    const found = foundIn(stdout);
    if (found.length > 0) offenders[nameOf(args)] = found;
  }
  assert.deepEqual(offenders, {});
  const { stdout } = await runReleased(['logs', 's', '--json'], environment);
  const rows = String(stdout)
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as { message?: string; source?: string });
  assert.equal(rows[0]!.message, ATTACK);
  assert.equal(rows[0]!.source, ATTACK);
});

test('raw bytes and formats of ClickHouse stay exact in a pipe', async (t) => {
  const { environment } = await hostileSite(t);
  const raw = await runReleased(['logs', 's', '--raw'], environment);
  const lines = [ATTACK, ATTACK].map((text) => Buffer.from(`${text}\n`));
  const last = Buffer.concat([Buffer.from(ATTACK), Buffer.from([0x9b, 0xff, 0x0a])]);
  assert.deepEqual(raw.stdout, Buffer.concat([...lines, last]));
  const query =
    "SELECT message FROM console_logs WHERE sandbox_id = 's' AND log = 'console' AND position = 1000";
  const sql = await runReleased(['sql', `${query} FORMAT TSVRaw`], environment);
  assert.deepEqual(sql.stdout, last);
});
