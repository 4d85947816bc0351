import assert from 'node:assert/strict';
import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { drawn } from '../support/hidden.ts';
import { releasedAgent } from '../support/released_agent.ts';

/** A secret of a guest in a line as its programs print it: «…» is the secret. */
const LINES: Record<string, string> = {
  'URL in JSON with escaped slashes': '{"dsn":"https:\\/\\/app:«one-Horse-41»@db\\/x"}',
  'URL in JSON within JSON': '{"m":"{\\"dsn\\":\\"https:\\\\/\\\\/app:«two-Horse-42»@db\\\\/x\\"}"}',
  'password with @ in a URL': 'postgres://app:«three@Horse@43»@db:5432/shop',
  'password with / in a URL': 'postgres://app:«four/Horse/44»@db:5432/shop',
  'password with @ and / in a URL': 'redis://:«five@Horse/45@x»@cache:6379/0',
  'setting of a shell': 'export DB_PASSWORD=«six-Horse-46»',
  'setting in quotes': "MYSQL_PWD='«seven Horse; 47»'",
  YAML: '    password: «eight-Horse-48»',
  JSON: '{"user":"app","password":"«nine\\"Horse,49»","port":5432}',
  'JSON within JSON': '{"log":"{\\"password\\":\\"«ten-Horse-50»\\"}"}',
  'list of variables': '"Env":["DB_PASSWORD=«eleven Horse 51»","PATH=/bin"]',
  'option of a command': 'run --db-password «twelve-Horse-52» --port 80',
  'API key in a query': 'GET /v1/orders?api_key=«thirteenHorse53»&page=2 200',
  'client secret': 'client_secret=«fourteenHorse54»&grant_type=x',
  'cookie of a request': '> Cookie: theme=«fifteenHorse55»; sid=«sixteenHorse56»',
  'cookie of an answer': '< Set-Cookie: sid=«seventeenHorse57»; Path=/; HttpOnly',
  'curl -u': '+ curl -s -u app:«eighteen-Horse-58» https://x.example/',
  'curl in a list': '["curl","-u","app:«nineteen-Horse-59»","https://x.example/"]',
  'token of Vault': `VAULT: hv${'s.'}«${drawn(90)}»`,
  'token behind a letter': `idgh${'p_'}«${drawn(36)}» used`,
  'token behind an escaped byte': `q%3Dgl${'pat-'}«${drawn(20)}»`,
  'color between name and value': '\u001b[36mpassword\u001b[0m=\u001b[33m«twentyHorse60»\u001b[0m',
};

const lineOf = (marked: string): string => marked.replace(/[«»]/g, '');

/** Whether a byte of a secret is in a row: all must be `*`, not only one. */
function isLeaked(marked: string, shown: string): boolean {
  let marks = 0;
  return [...marked.matchAll(/«([^»]*)»/g)].some(({ index, 1: secret }) => {
    const from = index - marks;
    marks += 2;
    return !/^[*]+$/.test(shown.slice(from, from + secret!.length));
  });
}

async function hostOf(t: TestContext) {
  const { agent, vms, path, state, ...host } = await releasedAgent(t, { AFTERLOG_REDACT: 'all' });
  mkdirSync(join(vms, 'sb'));
  const read = async (count: number): Promise<string[]> =>
    (await host.read('sb', count)).map(({ bytes }) => bytes.toString());
  return { agent, console_log: path('sb'), read, state };
}

test('no secret that a guest prints leaves its host', async (t) => {
  const { agent, console_log, read } = await hostOf(t);
  writeFileSync(
    console_log,
    Object.values(LINES)
      .map((marked) => `${lineOf(marked)}\r\n`)
      .join(''),
  );
  agent.start();
  const shown = await read(Object.keys(LINES).length);
  const leaked = Object.keys(LINES).filter((what, n) => isLeaked(LINES[what]!, shown[n]!));
  assert.deepEqual(leaked, [], 'these secrets are in the rows that the agent sends');
  for (const [n, marked] of Object.values(LINES).entries()) {
    assert.equal(Buffer.byteLength(shown[n]!), Buffer.byteLength(lineOf(marked)) + 2, 'lengths stay');
  }
});

test('no secret leaves its host where an agent dies between the name and the value', async (t) => {
  const { agent, console_log, read } = await hostOf(t);
  agent.start();
  // Longer than the longest row: its first row ends between the name and the value.
  const first = `${'.'.repeat(65_536 - 14)} DB_PASSWORD=`;
  writeFileSync(console_log, `${first}"tail-Horse-61" ${'x'.repeat(8_000)}`);
  await read(1);
  await agent.kill();
  appendFileSync(console_log, '\nlast\n');
  agent.start();
  const shown = (await read(3)).join('');
  assert.ok(shown.includes('DB_PASSWORD="*************" x'), shown.slice(65_500, 65_600));
});
