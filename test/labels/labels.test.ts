import assert from 'node:assert/strict';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { OpenFolder } from '../../src/base/open_folder.ts';
import type { Label } from '../../src/labels/label.ts';
import { Labels } from '../../src/labels/labels.ts';
import { Runtime } from '../../src/labels/runtime.ts';
import { overrideLimits } from '../support/limits.ts';
import { until } from '../support/patience.ts';
import { TestRuntime } from '../support/runtime.ts';
import { temporaryDir } from '../support/temporary.ts';
import { testCertificate } from '../support/tls.ts';

// The pause doubles with each try: at its usual length this file would only wait.
overrideLimits({ labels: { pause_ms: 50 } });

/** What a stream is to labels. */
class Row {
  isLabelled = false;
  found: Label | null = null;
  readonly sandbox_id: string;

  constructor(sandbox_id: string) {
    this.sandbox_id = sandbox_id;
  }

  label({ workspace, template }: Label): void {
    this.found = { workspace, template };
  }
}

async function labelsOf(t: TestContext, runtime: TestRuntime | null, token?: string) {
  const dir = await temporaryDir(t);
  const labels = new Labels((id) => OpenFolder.open(dir, [id]), runtime && new Runtime(runtime.url, token));
  t.after(() => labels.stop());
  /** As rows come, until each of them has its label. */
  const fill = async (rows: Row[]): Promise<void> => {
    await until(
      () => {
        for (const row of rows) if (!row.isLabelled) labels.fill(row);
        return rows.every(({ isLabelled }) => isLabelled);
      },
      () => `labels: ${JSON.stringify(labels.status)}, asked for ${runtime?.asked.slice(-5)}`,
    );
  };
  const write = (id: string, text: string): void => {
    mkdirSync(join(dir, id), { recursive: true });
    writeFileSync(join(dir, id, 'sandbox.json'), text);
  };
  return { dir, labels, fill, write };
}

test('one list answers for all, and no sandbox is asked for by itself, which would wake it', async (t) => {
  const runtime = await TestRuntime.start(t);
  const { labels, fill } = await labelsOf(t, runtime, 'secret');
  const rows = Array.from({ length: 200 }, (_, n) => new Row(`sb-${n}`));
  for (const [n, { sandbox_id }] of rows.entries()) runtime.add(sandbox_id, `t-${n % 3}`, `w-${n % 2}`);
  await fill(rows);
  assert.deepEqual(rows[5]!.found, { workspace: 'w-1', template: 't-2' });
  assert.deepEqual(new Set(runtime.asked), new Set(['/sandboxes']));
  assert.deepEqual([...runtime.tokens], ['Bearer secret']);
  // A second stream of a known sandbox asks for nothing.
  const asked = runtime.asked.length;
  const again = new Row('sb-5');
  labels.fill(again);
  assert.deepEqual([again.isLabelled, again.found], [true, rows[5]!.found]);
  assert.equal(runtime.asked.length, asked);
});

test('a runtime without a list is asked for each, some at a time', async (t) => {
  const runtime = await TestRuntime.start(t);
  runtime.hasList = false;
  const { fill } = await labelsOf(t, runtime);
  const rows = Array.from({ length: 30 }, (_, n) => new Row(`sb %${n} ü`));
  for (const { sandbox_id } of rows) runtime.add(sandbox_id, 'py', 'acme');
  await fill(rows);
  assert.ok(rows.every(({ found }) => found?.workspace === 'acme' && found.template === 'py'));
});

test('a sandbox that the runtime does not know yet is asked for again', async (t) => {
  const runtime = await TestRuntime.start(t);
  runtime.add('sb-1', 'py', 'acme');
  const { labels, fill } = await labelsOf(t, runtime);
  const [known, unknown] = [new Row('sb-1'), new Row('sb-2')];
  labels.fill(unknown);
  await fill([known]);
  assert.equal(unknown.isLabelled, false);
  assert.equal(labels.status.labels_waiting, 1);
  runtime.add('sb-2', 'go', 'acme');
  await fill([unknown]);
  assert.deepEqual(unknown.found, { workspace: 'acme', template: 'go' });
  assert.equal(labels.status.labels_waiting, 0);
});

test('a runtime that is down, refuses, stays silent or says nonsense holds nothing up, is counted, and is asked again', async (t) => {
  const runtime = await TestRuntime.start(t);
  const { labels, fill } = await labelsOf(t, runtime);
  const row = new Row('sb-1');
  const answers: NonNullable<TestRuntime['answer']>[] = [
    (request) => void request.socket.destroy(),
    (_, response) => void response.writeHead(500).end('broken'),
    (_, response) => void response.writeHead(200).end('<html>Welcome</html>'),
    (_, response) => void response.writeHead(200).end('{"sandboxes":"many"}'),
    (_, response) => void response.writeHead(200).end('null'),
  ];
  for (const [number, answer] of answers.entries()) {
    runtime.answer = answer;
    await until(() => {
      labels.fill(row);
      return labels.status.labels_failed > number;
    });
    assert.deepEqual([row.isLabelled, row.found], [false, null]);
  }
  runtime.answer = null;
  runtime.add('sb-1', 'py', 'acme');
  await fill([row]);
  assert.deepEqual(row.found, { workspace: 'acme', template: 'py' });
});

test('a runtime that never answers is given up, and its late answer disturbs nothing', async (t) => {
  const runtime = await TestRuntime.start(t);
  runtime.answer = () => {};
  const { labels, fill } = await labelsOf(t, runtime);
  const row = new Row('sb-1');
  labels.fill(row);
  await until(() => labels.status.labels_failed > 0);
  runtime.answer = null;
  runtime.add('sb-1', 'py', 'acme');
  await fill([row]);
});

test('rows of a list that are no sandboxes, and texts that are no labels, are left out', async (t) => {
  const runtime = await TestRuntime.start(t);
  const { fill } = await labelsOf(t, runtime);
  const said: Record<string, object> = {
    plain: { workspace: 'w', template: 't' },
    metadata: { metadata: { workspace: 'w' } },
    nothing: {},
    wrong: { workspace: 7, template: ['t'], metadata: 'x' },
    long: { workspace: 'w'.repeat(500), template: 'ok' },
    controls: { workspace: 'a\u001b[2Jb', template: 'a\nb' },
  };
  const list = [null, 7, 'x', [], { id: 7 }, ...Object.entries(said).map(([id, row]) => ({ id, ...row }))];
  runtime.answer = (_, response) => void response.writeHead(200).end(JSON.stringify({ sandboxes: list }));
  const rows = Object.keys(said).map((id) => new Row(id));
  await fill(rows);
  assert.deepEqual(
    rows.map(({ found }) => [found!.workspace, found!.template]),
    [
      ['w', 't'],
      ['w', ''],
      ['', ''],
      ['', ''],
      ['', 'ok'],
      ['', ''],
    ],
  );
});

test('where a runtime is set, it alone says a label, also one without a workspace, and while it is away', async (t) => {
  const runtime = await TestRuntime.start(t);
  const { labels, fill, write } = await labelsOf(t, runtime);
  for (const id of ['sb-1', 'sb-2', 'sb-3']) write(id, '{"template":"file","workspace":"victim"}');
  runtime.add('sb-1', 'py', 'acme');
  runtime.add('sb-2', 'py', '');
  const rows = ['sb-1', 'sb-2'].map((id) => new Row(id));
  await fill(rows);
  assert.deepEqual(
    rows.map(({ found }) => found),
    [
      { workspace: 'acme', template: 'py' },
      { workspace: '', template: 'py' },
    ],
  );
  runtime.answer = (_, response) => void response.writeHead(503).end();
  const unknown = new Row('sb-3');
  await until(() => {
    labels.fill(unknown);
    return labels.status.labels_failed > 0;
  });
  assert.equal(unknown.found, null);
});

test('without a runtime a file in the sandbox’s folder tells its label at once, and also when it comes later', async (t) => {
  const { dir, labels, fill, write } = await labelsOf(t, null);
  write('sb-1', '{"template":"file","metadata":{"workspace":"acme"}}');
  const row = new Row('sb-1');
  labels.fill(row);
  assert.deepEqual([row.isLabelled, row.found], [true, { workspace: 'acme', template: 'file' }]);

  const late = new Row('sb-2');
  labels.fill(late);
  write('sb-2', '{"template":');
  labels.fill(late);
  assert.equal(late.isLabelled, false);
  write('sb-2', '{"template":"late"}');
  await fill([late]);
  assert.deepEqual(late.found, { workspace: '', template: 'late' });

  // No link is followed, and nothing large is read.
  write('sb-3', `{"template":"large","x":"${'x'.repeat(100_000)}"}`);
  mkdirSync(join(dir, 'sb-4'));
  symlinkSync(join(dir, 'sb-1', 'sandbox.json'), join(dir, 'sb-4', 'sandbox.json'));
  mkdirSync(join(dir, 'sb-5', 'sandbox.json'), { recursive: true });
  for (const id of ['sb-3', 'sb-4', 'sb-5']) {
    const strange = new Row(id);
    labels.fill(strange);
    assert.equal(strange.found, null, id);
  }
});

test('a sandbox that is made again under an id is labelled anew, and not like the one that is gone', async (t) => {
  const runtime = await TestRuntime.start(t);
  const { labels, fill } = await labelsOf(t, runtime);
  runtime.add('sb-1', 'python', 'theirs');
  await fill([new Row('sb-1')]);
  const early = new Row('sb-2');
  labels.fill(early);
  for (const id of ['sb-1', 'sb-2']) labels.forget(id);
  runtime.add('sb-1', 'go', 'mine');
  runtime.add('sb-2', 'go', 'mine');
  const rows = [new Row('sb-1'), new Row('sb-2')];
  labels.fill(rows[0]!);
  assert.equal(rows[0]!.found, null, 'nothing is taken from the one before');
  await fill(rows);
  for (const { found } of rows) assert.deepEqual(found, { workspace: 'mine', template: 'go' });
  assert.equal(early.found, null, 'nor told to it');
});

test('without a runtime a file is looked for a few times, and then no more', async (t) => {
  const { labels, fill, write } = await labelsOf(t, null);
  write('sb-1', '{"template":"py","workspace":"acme"}');
  const row = new Row('sb-1');
  labels.fill(row);
  assert.deepEqual(row.found, { workspace: 'acme', template: 'py' });
  const none = new Row('sb-2');
  await fill([none]);
  assert.deepEqual([none.found, labels.status.labels_waiting], [null, 0]);
});

test('10,000 sandboxes are one request, and labels that are equal are kept once', async (t) => {
  const runtime = await TestRuntime.start(t);
  const { labels, fill } = await labelsOf(t, runtime);
  const rows = Array.from({ length: 10_000 }, (_, n) => new Row(`sb-${n}`));
  for (const { sandbox_id } of rows) runtime.add(sandbox_id, 'python', 'acme');
  for (const row of rows) labels.fill(row);
  // They are told, without another row of theirs.
  await until(() => rows.every(({ isLabelled }) => isLabelled));
  await fill(rows);
  assert.ok(runtime.asked.length <= 2, runtime.asked.join());
  assert.equal(labels.status.labels_known, 10_000);
  assert.equal(labels.status.labels_waiting, 0);
});

test('a runtime whose certificate an authority of one’s own signed is asked with its file', async (t) => {
  const { cert, key } = testCertificate();
  const server = createServer({ cert, key }, (_, response) => {
    response.end(JSON.stringify([{ id: 'sb-1', template: 'py', metadata: { workspace: 'acme' } }]));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  const url = `https://localhost:${(server.address() as AddressInfo).port}`;
  await assert.rejects(new Runtime(url, undefined).labels(['sb-1']), {
    code: 'RUNTIME_UNUSABLE',
    message: /self-signed certificate/,
  });
  const { found } = await new Runtime(url, undefined, cert).labels(['sb-1']);
  assert.equal(found.get('sb-1')?.workspace, 'acme');
});
