/**
 * A real browser: `npm run test:outside -- browser`, with Debian's Chromium. It is too heavy for every run of the tests.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import type { Server } from 'node:http';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { promisify } from 'node:util';
import { createAdaptorServer } from '@hono/node-server';
import { freePort } from '../../src/base/child_process.ts';
import type { LogEnd, LogGap, LogLine, LogNuls } from '../../src/client/client.ts';
import { listen } from '../../src/serve/listen.ts';
import { migrate } from '../../src/store/care/migrate.ts';
import { type Page, startChromium } from '../support/chromium.ts';
import { clickhouse, clickhouseSettings } from '../support/clickhouse.ts';
import { backendOfDocs, exampleOf } from '../support/examples.ts';
import { until } from '../support/patience.ts';
import { environmentOf, RoleProcess } from '../support/roles.ts';
import { gapRow, insertRows, rowsOfFile, sealRow, type TestRow } from '../support/rows.ts';
import { sha256 } from '../support/sha256.ts';
import { temporaryDir } from '../support/temporary.ts';

const root = join(import.meta.dirname, '../..');
const pageScript = readFileSync(join(import.meta.dirname, 'page.js'), 'utf8');

/** A server of the real command that can be killed, and rows for it. */
async function startAfterlog(t: TestContext, tokens = '') {
  const settings = await clickhouseSettings(t, { listen: `127.0.0.1:${await freePort()}` });
  const client = clickhouse(t);
  const { database } = settings.clickhouse;
  await migrate(client, database);
  const server = new RoleProcess(t, ['server'], { ...environmentOf(settings), AFTERLOG_TOKENS: tokens });
  const address = `http://${settings.listen}`;
  const start = async (): Promise<void> => {
    server.start();
    const answers = (): Promise<boolean> =>
      fetch(`${address}/readyz`).then(
        ({ ok }) => ok,
        () => false,
      );
    await until(answers, () => `the server: ${server.output}`);
  };
  await start();
  const insert = (rows: TestRow[]): Promise<void> => insertRows(client, database, rows);
  return { address, insert, start, kill: () => server.kill() };
}

type Handler = (request: Request) => Response | Promise<Response>;

/** Some origin's pages: an empty one with the functions of page.js, and what `more` has. */
async function startSite(t: TestContext, more: Record<string, Handler> = {}): Promise<string> {
  const site: Record<string, Handler> = {
    '/page.js': () => new Response(pageScript, { headers: { 'Content-Type': 'text/javascript' } }),
    '/': () => new Response('<script src="/page.js"></script>', { headers: { 'Content-Type': 'text/html' } }),
    ...more,
  };
  const server = createAdaptorServer({
    fetch: (request) => {
      const { pathname } = new URL(request.url);
      const path = Object.keys(site).find(
        (one) => one === pathname || (one.length > 1 && pathname.startsWith(`${one}/`)),
      );
      return path === undefined ? new Response('', { status: 404 }) : site[path]!(request);
    },
  }) as Server;
  await listen(server, '127.0.0.1:0');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as { port: number }).port}`;
}

/** The client as a product gets it, compiled from what is here now. */
async function buildClient(t: TestContext): Promise<Handler> {
  const dir = await temporaryDir(t);
  const tsc = join(root, 'node_modules/.bin/tsc');
  await promisify(execFile)(tsc, ['-p', join(root, 'tsconfig.build.json'), '--outDir', dir], { cwd: root });
  const text = readFileSync(join(dir, 'client/client.js'), 'utf8');
  return () => new Response(text, { headers: { 'Content-Type': 'text/javascript' } });
}

interface Heard {
  opened: number;
  errors: number;
  state: number;
  events: { type: string; data: string; id: string }[];
}

const heard = (page: Page, name: string): Promise<Heard> =>
  page.run<Heard>(`({ ...${name}, source: null, state: ${name}.source.readyState })`);

const lines = (from: number, count: number): string[] =>
  Array.from({ length: count }, (_, at) => `line ${from + at}`);

const rowsOfLines = (from: number, count: number, more: Partial<TestRow> = {}): TestRow[] =>
  lines(from, count).map((message, at) => ({
    sandbox_id: 's',
    position: 100 * (from + at),
    message: message.padEnd(99, '.'),
    ...more,
  }));

test('EventSource from the server’s own origin goes on by Last-Event-ID over kills, hears gap and end, and stays away then', async (t) => {
  const { address, insert, start, kill } = await startAfterlog(t);
  const browser = await startChromium(t);
  await insert(rowsOfLines(0, 3));
  const page = await browser.open(`${address}/healthz`);
  await page.run(pageScript);
  await page.run(`globalThis.of_s = listen('/v1/sandboxes/s/logs?follow=1&tail=1'); null`);
  const count = async (): Promise<number> => (await heard(page, 'of_s')).events.length;
  await until(async () => (await count()) === 1);
  await insert(rowsOfLines(3, 2));
  await until(async () => (await count()) === 3);
  for (const from of [5, 8]) {
    await kill();
    await insert(rowsOfLines(from, 2));
    await start();
    await until(async () => (await count()) === from);
    await insert(rowsOfLines(from + 2, 1));
    await until(async () => (await count()) === from + 1);
  }
  await insert([gapRow('s', 1100, 7, 'lost'), sealRow('s', 1107, 'deleted')]);
  await until(async () => (await heard(page, 'of_s')).state === 2);
  const { events, opened } = await heard(page, 'of_s');
  assert.deepEqual(
    events.map(({ type, data }) => (type === 'log' ? data.replace(/\.+$/, '') : type)),
    [...lines(2, 9), 'gap', 'end'],
  );
  assert.equal((JSON.parse(events.at(-1)!.data) as { reason: string }).reason, 'deleted');
  assert.equal(opened, 3, 'the 204 after the end opens nothing');
});

test('EventSource reads lines as they are: JSON, white space, control characters, other line ends', async (t) => {
  const { address, insert } = await startAfterlog(t);
  const browser = await startChromium(t);
  const bare = ['{"level":"info"}', 'ünïcode ✓', 'event: end', 'data: x', ': comment', 'a\0b', ''];
  const wrapped = [
    '42',
    '  indented',
    'ends ',
    '10%\r20%',
    '{"line":"x"}',
    '[1]',
    '\u2028',
    'a\vb',
    '\ufeffbom',
  ];
  const file = Buffer.from([...bare, ...wrapped].map((line) => `${line}\n`).join(''));
  await insert([...rowsOfFile('s', file), sealRow('s', file.length, 'deleted')]);
  const page = await browser.open(`${address}/healthz`);
  await page.run(pageScript);
  await page.run(`globalThis.of_s = listen('/v1/sandboxes/s/logs?follow=1'); null`);
  await until(async () => (await heard(page, 'of_s')).state === 2);
  const { events } = await heard(page, 'of_s');
  assert.deepEqual(
    events
      .slice(0, -1)
      .map(({ data }, at) => (at < bare.length ? data : (JSON.parse(data) as { line: string }).line)),
    [...bare, ...wrapped],
  );
});

test('a page of another origin reads nothing, with a token or without, however it asks', async (t) => {
  const open = await startAfterlog(t);
  const closed = await startAfterlog(t, sha256('key'));
  const browser = await startChromium(t);
  const elsewhere = await startSite(t);
  const page = await browser.open(`${elsewhere}/`);
  for (const { address, insert } of [open, closed]) {
    await insert(rowsOfLines(0, 3));
    const logs = `${address}/v1/sandboxes/s/logs`;
    for (const options of [
      '{}',
      `{ headers: { Authorization: 'Bearer key' } }`,
      `{ credentials: 'include' }`,
    ]) {
      assert.equal(await page.run(`tryFetch('${logs}', ${options})`), 'TypeError', options);
    }
    // Without CORS an answer is passed on unread, to what would show or run it; the headers forbid that.
    assert.equal(await page.run(`tryFetch('${logs}', { mode: 'no-cors' })`), 'TypeError');
    assert.equal(await page.run(`tryFetch('${logs}', { method: 'DELETE' })`), 'TypeError');
    await page.run(`globalThis.source = listen('${logs}?follow=1'); null`);
    await until(async () => (await heard(page, 'source')).state === 2);
    const { opened, events } = await heard(page, 'source');
    assert.deepEqual([opened, events], [0, []]);
    const framed = `new Promise((done) => {
      const frame = document.createElement('iframe');
      frame.src = '${logs}';
      frame.onload = () => { try { done(frame.contentDocument.body.textContent); } catch (error) { done(error.name); } };
      document.body.append(frame);
    })`;
    assert.ok(['TypeError', 'SecurityError'].includes(await page.run<string>(framed)));
  }
});

test('the client in a browser: every question, through a backend that adds the token', async (t) => {
  const { address, insert } = await startAfterlog(t, sha256('key'));
  await insert([
    ...rowsOfFile('s', Buffer.from('boot\n'), { event: 'boot.start', title: 'Linux' }),
    {
      sandbox_id: 's',
      position: 5,
      message: 'needle \xe2\x9c\x93',
      event: 'kernel.panic',
      title: 'panic: x',
    },
    gapRow('s', 14, 3, 'lost'),
    sealRow('s', 17, 'deleted'),
    ...Array.from({ length: 250 }, (_, at) => ({ sandbox_id: `n-${at}`, position: 0, message: 'needle' })),
  ]);
  const site = await startSite(t, {
    '/afterlog-client.js': await buildClient(t),
    '/all': (request) => {
      const { pathname, search } = new URL(request.url);
      return fetch(address + pathname.slice('/all'.length) + search, {
        headers: { Authorization: 'Bearer key' },
      });
    },
  });
  const browser = await startChromium(t);
  const page = await browser.open(`${site}/`);
  const found = await page.run<Record<string, unknown>>(`(async () => {
    const { Afterlog } = await import('/afterlog-client.js');
    const afterlog = new Afterlog({ url: '/all/' });
    const since = new Date('2026-11-01');
    const [first] = await all(afterlog.logs('s'));
    return {
      records: (await all(afterlog.logs('s', { since }))).map(({ record }) => record),
      behind: (await all(afterlog.logs('s', { cursor: first.id, limit: 1 }))).map(({ message }) => message),
      text: await afterlog.text('s', { tail: 1 }),
      followed: (await all(afterlog.follow('s'))).map(({ record }) => record),
      waited: (await afterlog.wait('s', 'needle', { timeout: 300 })).message,
      never: await afterlog.wait('s', 'never', { timeout: 300 }).catch(({ code }) => code),
      sandboxes: (await all(afterlog.sandboxes())).length,
      sandbox: (await afterlog.sandbox('s')).state,
      nobody: await afterlog.sandbox('nobody'),
      found: (await all(afterlog.search('needle', { context: 1 }))).length,
      boots: (await all(afterlog.boots({ since }))).map(({ outcome }) => outcome),
      crashes: (await all(afterlog.crashes({ since }))).map(({ title }) => title),
      causes: (await afterlog.causes({ since })).length,
      histogram: (await afterlog.histogram({ since, buckets: 1, q: 'needle' }))[0].counts,
      refused: await all(afterlog.follow('nobody')).catch(({ name, status, code }) => [name, status, code]),
    };
  })()`);
  assert.deepEqual(found, {
    records: ['line', 'line', 'gap', 'seal'],
    behind: ['needle ✓', null, null],
    text: 'needle ✓\n',
    followed: ['line', 'line', 'gap', 'end'],
    waited: 'needle ✓',
    never: 'LOG_ENDED',
    sandboxes: 251,
    sandbox: 'deleted',
    nobody: null,
    found: 251,
    boots: ['panicked'],
    crashes: ['panic: x'],
    causes: 1,
    histogram: { INFO: 251 },
    refused: ['AfterlogRefusal', 404, 'SANDBOX_UNKNOWN'],
  });
});

test('the client in a browser follows over kills without a gap and without a repeat, and ends when told to', async (t) => {
  const { address, insert, start, kill } = await startAfterlog(t, sha256('key'));
  await insert(rowsOfLines(0, 3));
  const { answerLogs } = await backendOfDocs(t, address);
  const site = await startSite(t, {
    '/afterlog-client.js': await buildClient(t),
    '/afterlog': (request) => answerLogs(request, { workspace: { afterlogToken: 'key' } }),
  });
  const browser = await startChromium(t);
  const page = await browser.open(`${site}/`);
  await page.run(`(async () => {
    const { Afterlog } = await import('/afterlog-client.js');
    Object.assign(globalThis, { got: [], told: [], stop: new AbortController(), isOver: false, other: [] });
    const afterlog = new Afterlog({ url: location.origin + '/afterlog' });
    (async () => {
      for await (const record of afterlog.follow('s', { tail: 0, onTrouble: (error) => told.push(error !== null) })) got.push(record);
      isOver = true;
    })();
    stopped = (async () => { for await (const record of afterlog.follow('s', { signal: stop.signal })) other.push(record); return 'stopped'; })();
    waited = afterlog.wait('s', 'line 12', { timeout: 300 });
  })()`);
  await until(() => page.run<boolean>('other.length === 3'));
  assert.equal(await page.run(`stop.abort(), stopped`), 'stopped');
  // Whoever has not been answered yet begins with what is there then.
  await until(async () => {
    const metrics = await fetch(`${address}/metrics`, { headers: { Authorization: 'Bearer key' } });
    return /^afterlog_http_followers 1$/m.test(await metrics.text());
  });
  for (const from of [3, 703]) {
    await kill();
    await insert(rowsOfLines(from, 700));
    await start();
    await until(
      () => page.run<boolean>(`got.length === ${from + 697}`),
      () => `line ${from + 697}`,
    );
  }
  await insert([sealRow('s', 140_300, 'deleted')]);
  await until(() => page.run<boolean>('isOver'));
  const got = await page.run<(LogLine | LogGap | LogNuls | LogEnd)[]>('got');
  assert.equal(got.pop()!.record, 'end');
  assert.deepEqual(
    got.map((record) => (record as LogLine).message.replace(/\.+$/, '')),
    lines(3, 1400),
  );
  assert.deepEqual(await page.run('told.slice(-2)'), [true, false]);
  assert.equal(await page.run(`waited.then(({ position }) => position)`), 1200);
});

test('the Logs tab of docs/api.md: page and backend as they stand there', async (t) => {
  const { address, insert, start, kill } = await startAfterlog(
    t,
    `${sha256('of-acme')}:acme,${sha256('other')}:other`,
  );
  const { answerLogs } = await backendOfDocs(t, address);
  const user = { workspace: { afterlogToken: 'of-acme' } };
  const html = exampleOf('html');
  const site = await startSite(t, {
    '/afterlog-client.js': await buildClient(t),
    '/logs.html': () => new Response(html, { headers: { 'Content-Type': 'text/html' } }),
    '/afterlog': (request) => answerLogs(request, user),
  });
  const acme = { workspace: 'acme' };
  const markup = '<img src=x onerror="document.title=1">';
  await insert(rowsOfFile('s', Buffer.from(`first\n\x1b[31m${markup}\x1b[0m\n`), acme));
  const browser = await startChromium(t);
  const page = await browser.open(`${site}/logs.html?sandbox=s`);
  const logIs = (text: string): Promise<void> =>
    until(
      () => page.run<boolean>(`document.getElementById('log').textContent === ${JSON.stringify(text)}`),
      text,
    );
  const stateIs = (text: string): Promise<void> =>
    until(
      () => page.run<boolean>(`document.getElementById('state').textContent === ${JSON.stringify(text)}`),
      text,
    );
  await logIs(`first\n${markup}\n`);
  assert.equal(await page.run('document.title'), 'Logs');
  await kill();
  await stateIs('Trying to reconnect …');
  await insert([
    { sandbox_id: 's', position: 100, message: 'more', ...acme },
    { ...gapRow('s', 105, 7, 'lost'), ...acme },
  ]);
  await start();
  await logIs(`first\n${markup}\nmore\n── 7 bytes are missing: lost ──\n`);
  await stateIs('');
  await insert([{ ...sealRow('s', 112, 'deleted'), ...acme }]);
  await stateIs('Deleted. 3 lines.');

  // The same handler for an EventSource: it hears all, comes again, and is told to stay away.
  await page.run(pageScript);
  await page.run(`globalThis.source = listen('/afterlog/v1/sandboxes/s/logs?follow=1'); null`);
  await until(async () => (await heard(page, 'source')).state === 2);
  const { events } = await heard(page, 'source');
  assert.deepEqual(
    events.map(({ type }) => type),
    ['log', 'log', 'log', 'gap', 'end'],
  );
  user.workspace.afterlogToken = 'other';
  const other = await browser.open(`${site}/logs.html?sandbox=s`);
  await until(() => other.run<boolean>(`document.getElementById('state').textContent === 'No logs yet.'`));
});
