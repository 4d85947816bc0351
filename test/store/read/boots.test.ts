import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { migratedDatabase, rowsOf } from '../../support/clickhouse.ts';
import { insertRows, sealRow, type TestRow, TODAY } from '../../support/rows.ts';

const DAY = '2026-11-20';
const at = (time: string): string => `${DAY} ${time}`;
const STREAM = at('10:00:00.000000000');

/** A headline of console.log. */
const said = (
  position: number,
  time: string,
  event: string,
  title = event,
  more: Partial<TestRow> = {},
): TestRow => ({
  ...{ sandbox_id: 'sb-1', stream_started_at: STREAM, position, timestamp: at(time), event, title },
  ...more,
});
const start = (position: number, time: string, more: Partial<TestRow> = {}): TestRow =>
  said(position, time, 'boot.start', 'Linux 6.1.0', more);
const told = (time: string, event: string, more: Partial<TestRow> = {}): TestRow => ({
  ...{ sandbox_id: 'sb-1', log: 'events', stream_started_at: STREAM, position: 1 + Number(time.slice(6, 8)) },
  ...{ timestamp: at(time), event, ...more },
});
const sealed = (position: number, reason = 'deleted'): TestRow =>
  sealRow('sb-1', position, reason, { stream_started_at: STREAM, timestamp: at('10:30:00') });

interface Boot {
  position: number;
  ready_seconds: number | null;
  outcome: string;
  failed: number;
  title: string;
}

async function tables(t: TestContext, ...inserts: TestRow[][]) {
  const { client, database } = await migratedDatabase(t);
  const insert = (rows: TestRow[]) => insertRows(client, database, rows);
  for (const rows of inserts) await insert(rows);
  const boots = (where = '1') =>
    rowsOf<Boot>(
      client,
      `SELECT position, ready_seconds, outcome, failed, title FROM ${database}.boots WHERE ${where}
       ORDER BY sandbox_id, stream_started_at, position`,
    );
  const crashes = () =>
    rowsOf(
      client,
      `SELECT event, title, occurrences, boot_position FROM ${database}.crashes ORDER BY first_seen, title`,
    );
  return { client, database, insert, boots, crashes };
}

/** What one boot with these rows came to. */
async function outcome(t: TestContext, ...rows: TestRow[]): Promise<[string, string]> {
  const { boots } = await tables(t, [start(0, '10:00:00'), ...rows]);
  const found = await boots();
  assert.equal(found.length, 1);
  assert.equal(found[0]!.failed, Number(found[0]!.outcome !== 'ready'));
  return [found[0]!.outcome, found[0]!.title];
}

test('each outcome of a boot, with the title of what decided', async (t) => {
  const ready = said(500, '10:00:04', 'boot.ready', 'sshd');
  assert.deepEqual(await outcome(t, ready), ['ready', '']);
  assert.deepEqual(await outcome(t, said(300, '10:00:01', 'kernel.warning', 'WARNING in x'), ready), [
    'ready',
    '',
  ]);
  const panic = said(400, '10:00:02', 'kernel.panic', 'Kernel panic: y');
  assert.deepEqual(await outcome(t, panic), ['panicked', 'Kernel panic: y']);
  assert.deepEqual(await outcome(t, said(300, '10:00:01', 'kernel.oops', 'BUG: z')), ['panicked', 'BUG: z']);
  assert.deepEqual(await outcome(t, said(300, '10:00:01', 'init.missing', 'No init'), panic), [
    'no_init',
    'No init',
  ]);
  assert.deepEqual(await outcome(t, panic, said(410, '10:00:03', 'rootfs.missing', 'No root')), [
    'no_rootfs',
    'No root',
  ]);
  assert.deepEqual(await outcome(t, said(300, '10:00:01', 'kernel.oom', 'OOM: a')), ['oom', 'OOM: a']);
  assert.deepEqual(await outcome(t, said(300, '10:00:01', 'kernel.hang', 'stuck')), ['hung', 'stuck']);
  assert.deepEqual(await outcome(t, told('10:00:09', 'vm.died')), ['vm_died', '']);
  assert.deepEqual(await outcome(t, panic, told('10:00:09', 'vm.died')), ['panicked', 'Kernel panic: y']);
  assert.deepEqual(await outcome(t, said(300, '10:00:01', 'disk.error', 'I/O error'), sealed(900)), [
    'not_ready',
    'I/O error',
  ]);
  assert.deepEqual(await outcome(t, sealed(900)), ['not_ready', '']);
});

test('what happens after a boot was ready is no failed boot', async (t) => {
  const ready = said(500, '10:00:04', 'boot.ready', 'sshd');
  const { boots, crashes } = await tables(t, [
    start(0, '10:00:00'),
    ready,
    said(600, '10:05:00', 'kernel.oom', 'Out of memory: Killed process python3'),
    said(700, '10:06:00', 'kernel.panic', 'Kernel panic: y'),
    told('10:07:00', 'vm.died'),
    sealed(900),
  ]);
  assert.deepEqual(await boots(), [
    { position: 0, ready_seconds: 4, outcome: 'ready', failed: 0, title: '' },
  ]);
  assert.deepEqual(await crashes(), [
    { event: 'kernel.oom', title: 'Out of memory: Killed process python3', occurrences: 1, boot_position: 0 },
    { event: 'kernel.panic', title: 'Kernel panic: y', occurrences: 1, boot_position: 0 },
  ]);
});

test('several boots of one file are several boots, and a wake is none', async (t) => {
  const woken = { stream_started_at: at('11:00:00') };
  const { boots, crashes } = await tables(t, [
    start(0, '10:00:00'),
    said(400, '10:00:02', 'kernel.panic', 'Kernel panic: y'),
    start(1_000, '10:00:10'),
    said(1_500, '10:00:12', 'boot.ready', 'login:'),
    sealed(2_000, 'truncated'),
    said(50, '11:00:05', 'app.exception', 'KeyError: x', woken),
    said(90, '11:00:06', 'app.exception', 'KeyError: x', woken),
  ]);
  assert.deepEqual(await boots(), [
    { position: 0, ready_seconds: null, outcome: 'panicked', failed: 1, title: 'Kernel panic: y' },
    { position: 1_000, ready_seconds: 2, outcome: 'ready', failed: 0, title: '' },
  ]);
  assert.deepEqual(await crashes(), [
    { event: 'kernel.panic', title: 'Kernel panic: y', occurrences: 1, boot_position: 0 },
    { event: 'app.exception', title: 'KeyError: x', occurrences: 2, boot_position: null },
  ]);
});

test('a boot that is not ready yet is booting, until its console ends, the next begins, or ten minutes have passed', async (t) => {
  const now = (ago_s: number): Partial<TestRow> => {
    const time = new Date(Date.now() - ago_s * 1_000).toISOString().slice(0, 23).replace('T', ' ');
    return { timestamp: time, observed_at: time };
  };
  const of = (sandbox_id: string, ago_s: number, ...events: string[]): TestRow[] =>
    ['boot.start', ...events].map((event, n) =>
      said(n * 100, '', event, event, { sandbox_id, ...now(ago_s) }),
    );
  const { client, database } = await tables(t, [
    ...of('a-new', 2),
    ...of('b-old', 700),
    ...of('c-hung-yet', 2, 'kernel.hang'),
    ...of('d-hung', 700, 'kernel.hang'),
    ...of('e-panic', 2, 'kernel.panic'),
    ...of('f-again', 30, 'boot.start'),
    ...of('g-sealed', 2),
    sealRow('g-sealed', 900, 'deleted', { stream_started_at: STREAM }),
  ]);
  const found = await rowsOf<{ it: string }>(
    client,
    `SELECT concat(sandbox_id, ' ', outcome, ' ', toString(failed)) AS it FROM ${database}.boots
     ORDER BY sandbox_id, position`,
  );
  assert.deepEqual(
    found.map(({ it }) => it),
    [
      ...[
        'a-new booting 0',
        'b-old not_ready 1',
        'c-hung-yet booting 0',
        'd-hung hung 1',
        'e-panic panicked 1',
      ],
      ...['f-again not_ready 1', 'f-again booting 0', 'g-sealed not_ready 1'],
    ],
  );
});

test('the runtime’s ssh_ready makes a boot ready, and a death belongs to the boot before it', async (t) => {
  const { boots, crashes } = await tables(t, [
    start(0, '10:00:00'),
    told('10:00:03', 'sandbox.ssh_ready'),
    start(1_000, '10:10:00'),
    told('10:10:05', 'vm.died'),
    start(2_000, '10:20:00'),
    sealed(3_000),
  ]);
  assert.deepEqual(
    (await boots()).map(({ outcome, ready_seconds }) => [outcome, ready_seconds]),
    [
      ['ready', 3],
      ['vm_died', null],
      ['not_ready', null],
    ],
  );
  assert.deepEqual(await crashes(), [
    { event: 'vm.died', title: 'VM died', occurrences: 1, boot_position: null },
  ]);
});

test('time to ready is by the host’s clock where lines were read as they were written, else by their stamps', async (t) => {
  const ready = (time: string, observed: string): TestRow =>
    said(500, time, 'boot.ready', 'sshd', { observed_at: at(observed) });
  for (const [time, observed, seconds] of [
    ['10:00:01.000', '10:00:01.700', 1.6],
    ['10:00:00.000', '10:00:00.900', 0.8],
    ['10:00:30.000', '10:20:00.000', 29.95],
    ['09:59:00.000', '10:20:00.000', 0],
  ] as const) {
    const rows = [start(0, '10:00:00.050', { observed_at: at('10:00:00.100') }), ready(time, observed)];
    const { boots } = await tables(t, rows);
    assert.equal((await boots())[0]!.ready_seconds, seconds, `${time} ${observed}`);
  }
});

test('the best title of an entry counts, and one incident is one crash', async (t) => {
  const entry = { entry_position: 300 };
  const { crashes, client, database } = await tables(t, [
    start(0, '10:00:00'),
    said(300, '10:00:05', 'kernel.oops', 'BUG: unable to handle page fault', entry),
    said(340, '10:00:05', '', 'BUG: unable to handle page fault in foo', entry),
    said(380, '10:00:05', 'kernel.oops', 'BUG: unable to handle page fault in foo', entry),
    said(900, '10:00:06', 'kernel.panic', 'BUG: unable to handle page fault in foo'),
    said(1_000, '10:00:09', 'app.exception', 'KeyError: a', {
      sandbox_id: 'sb-2',
      host: 'host-2',
      template: 'py',
    }),
    said(1_000, '10:00:09', 'app.exception', 'KeyError: a', {
      sandbox_id: 'sb-3',
      host: 'host-1',
      template: 'py',
    }),
  ]);
  const oops = { event: 'kernel.oops', title: 'BUG: unable to handle page fault in foo' };
  assert.deepEqual(
    (await crashes()).filter((crash) => (crash as { event: string }).event !== 'app.exception'),
    [{ ...oops, occurrences: 2, boot_position: 0 }],
  );
  const titles = await rowsOf(
    client,
    `SELECT title, crashes, occurrences, sandboxes, templates, hosts, toString(first_seen) AS since
     FROM ${database}.crash_titles ORDER BY title`,
  );
  const since = (second: number) => ({ since: at(`10:00:0${second}.000000000`) });
  assert.deepEqual(titles, [
    {
      title: oops.title,
      crashes: 1,
      occurrences: 2,
      sandboxes: 1,
      templates: [''],
      hosts: ['host-1'],
      ...since(5),
    },
    {
      ...{ title: 'KeyError: a', crashes: 2, occurrences: 2, sandboxes: 2, templates: ['py'] },
      ...{ hosts: ['host-1', 'host-2'], ...since(9) },
    },
  ]);
});

test('rows that land twice, late or in another order change nothing', async (t) => {
  const rows = [
    start(0, '10:00:00'),
    said(400, '10:00:02', 'kernel.panic', 'Kernel panic: y'),
    start(1_000, '10:00:10'),
    said(1_500, '10:00:12', 'boot.ready', 'login:'),
    said(1_600, '10:00:13', 'app.exception', 'KeyError: x'),
    told('10:10:05', 'vm.died'),
    sealed(2_000),
  ];
  const { client, database, insert, boots, crashes } = await tables(t, rows.slice(3));
  await insert(rows.slice(0, 3));
  const once = [await boots(), await crashes()];
  assert.equal(once[0]!.length, 2);
  await client.command({ query: `SYSTEM STOP MERGES ${database}.marks` });
  await insert(rows);
  // Another day is another part, and on the first of a month another partition.
  const [year, month] = TODAY.split('-').map(Number) as [number, number];
  const ingest_day = new Date(Date.UTC(year, month)).toISOString().slice(0, 10);
  await insert(rows.toReversed().map((row) => ({ ...row, ingest_day })));
  assert.deepEqual([await boots(), await crashes()], once);
});

test('labels that came late are those of the sandbox', async (t) => {
  const { client, database } = await tables(t, [
    start(0, '10:00:00'),
    said(400, '10:00:02', 'kernel.panic', 'Kernel panic: y'),
    told('10:00:05', 'vm.died', { workspace: 'acme', template: 'python' }),
    start(0, '10:00:00', { sandbox_id: 'sb-2', template: 'go' }),
  ]);
  for (const table of ['boots', 'crashes']) {
    const found = await rowsOf(
      client,
      `SELECT workspace, template FROM ${database}.${table} WHERE sandbox_id = 'sb-1'`,
    );
    assert.deepEqual(found, [{ workspace: 'acme', template: 'python' }]);
  }
});
