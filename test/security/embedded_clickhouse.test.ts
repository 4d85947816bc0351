import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { asNobody, canBeOthers } from '../support/attacker.ts';
import { ReleasedUp } from '../support/released_up.ts';

const SECRET = 'only root reads this';

/** Each name that is worth a try, without a password or with one that people choose. */
const LOGINS = ['', 'default:', 'afterlog:', 'afterlog:afterlog', 'default:default', 'admin:', 'root:'];

/** Sends each query as each user, and prints the answers. */
const ATTACK = `
  const [url, logins, queries] = process.argv.slice(1).map((text, index) => index ? JSON.parse(text) : text);
  const answers = [];
  for (const login of logins) for (const query of queries) {
    const headers = login ? { authorization: 'Basic ' + btoa(login) } : {};
    const signal = AbortSignal.timeout(10_000);
    const answer = await fetch(url, { method: 'POST', body: query, headers, signal }).then(
      async (response) => ({ ok: response.ok, text: await response.text() })).catch(
      (error) => ({ ok: false, text: String(error) }));
    answers.push({ login, query, ...answer });
  }
  console.log(JSON.stringify(answers));`;

interface Answer {
  login: string;
  query: string;
  ok: boolean;
  text: string;
}

async function attack(url: string, queries: string[]): Promise<Answer[]> {
  const args = ['--input-type=module', '-e', ATTACK, url, JSON.stringify(LOGINS), JSON.stringify(queries)];
  const { stdout, stderr } = await asNobody(process.execPath, args);
  assert.notEqual(stdout, '', stderr);
  return JSON.parse(stdout) as Answer[];
}

test('the store of up gives another user of the machine nothing', async (t) => {
  if (!canBeOthers(t)) return;
  const up = await ReleasedUp.start(t);
  const secret = join(up.dir, 'secret');
  writeFileSync(secret, `${SECRET}\n`, { mode: 0o600 });

  await t.test('no query reads or writes a file of root', async () => {
    const written = join(up.dir, 'written');
    const answers = await attack(up.clickhouse, [
      `INSERT INTO FUNCTION file('${written}', 'LineAsString', 'line String') VALUES ('x')`,
      `SELECT * FROM file('${secret}', 'LineAsString')`,
      `SELECT file('${secret}')`,
      `SELECT 1 FORMAT Template SETTINGS format_template_row = '${secret}'`,
    ]);
    const leaks = answers.filter(({ text }) => text.includes(SECRET));
    assert.deepEqual(leaks, [], 'a local user reads a file of root');
    assert.ok(!existsSync(written), 'a local user writes a file as root');
  });

  await t.test('no query makes the store call another server', async () => {
    const { url, calls } = await startListener(t);
    const away = url.slice('http://'.length);
    await attack(up.clickhouse, [
      `SELECT * FROM url('${url}/x', 'LineAsString', 'line String')`,
      `SELECT * FROM s3('${url}/bucket/x', 'LineAsString', 'line String') SETTINGS s3_max_redirects = 0`,
      `SELECT * FROM remote('${away}', 'system', 'one') SETTINGS connect_timeout = 1`,
    ]);
    assert.equal(calls(), 0, 'the store calls the server that a local user names');
  });

  await t.test('a page of another origin changes nothing', async () => {
    // A form or a script may send this without asking first.
    const response = await fetch(up.clickhouse, {
      method: 'POST',
      body: 'CREATE DATABASE of_the_page',
      headers: { 'content-type': 'text/plain', origin: 'http://page.example' },
    });
    assert.equal(response.headers.get('access-control-allow-origin'), null);
    const { text } = await up.sql("SELECT name FROM system.databases WHERE name = 'of_the_page' FORMAT TSV");
    assert.equal(text, '', 'a page of another origin changes the database');
  });

  await t.test('its port serves no page', async () => {
    for (const page of ['play', 'dashboard', 'binary', 'merges', 'jemalloc']) {
      const { status } = await fetch(`${up.clickhouse}/${page}`);
      assert.equal(status, 404, `/${page} is open`);
    }
  });

  await t.test('another user reads neither its password nor its data', async () => {
    const script = 'for dir; do find "$dir" -mindepth 1 -readable; done';
    const folders = [join(up.dir, 'state'), join(up.dir, 'cache')];
    const { stdout } = await asNobody('sh', ['-c', script, 'sh', ...folders]);
    assert.equal(stdout, '', 'a local user reads files of the store');
    const records = [join(up.dir, 'state', 'up.json'), join(up.dir, 'cache', 'afterlog', 'up.json')];
    for (const path of records) assert.equal(statSync(path).mode & 0o777, 0o600, path);
    const { password } = JSON.parse(readFileSync(records[0]!, 'utf8')) as { password: string };
    assert.match(password, /^[0-9a-f]{64}$/);
    const shown = commandLines().filter((line) => line.includes(password));
    assert.deepEqual(shown, [], 'the list of processes shows the password');
  });

  await t.test('no query runs at all, and none stops the store', async () => {
    const answers = await attack(up.clickhouse, [
      'SELECT 1',
      'SELECT name FROM system.tables',
      'SELECT count() FROM afterlog.console_logs',
      'SYSTEM STOP LISTEN HTTP',
      'KILL QUERY WHERE 1',
      'DROP DATABASE afterlog',
    ]);
    const ran = answers.filter(({ ok }) => ok).map(({ login, query }) => `${login} ${query}`);
    assert.deepEqual(ran, [], 'a local user runs queries');
    assert.deepEqual(await up.sql('--json', 'SELECT count() AS n FROM console_logs'), {
      code: 0,
      text: '{"n":0}\n',
    });
  });
});

/** A server that counts its calls. */
async function startListener(t: TestContext): Promise<{ url: string; calls: () => number }> {
  let calls = 0;
  const server = createServer((_, response) => response.end('x\n')).on('connection', () => calls++);
  await new Promise<void>((settle) => server.listen(0, '127.0.0.1', settle));
  t.after(() => server.close());
  const { port } = server.address() as { port: number };
  return { url: `http://127.0.0.1:${port}`, calls: () => calls };
}

function commandLines(): string[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return pids.map((pid) => {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
    } catch {
      return ''; // It has ended.
    }
  });
}
