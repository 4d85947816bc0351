import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { followedRowShape } from '../../src/cli/followed_row.ts';
import { type Column, makeBatch, newEpoch, run, type Value } from '../support/batches.ts';
import { afterlog, startAfterlog } from '../support/command.ts';
import { testSettings } from '../support/kafka.ts';
import { poisonBatch } from '../support/letters.ts';
import { until } from '../support/patience.ts';
import { testMaster } from '../support/signing.ts';
import { asMessage, makeTopic } from '../support/topic.ts';

type Row = Record<string, unknown>;

async function site(t: TestContext, partitions = 1, more: Record<string, string> = {}) {
  const settings = await testSettings(t);
  const topic = await makeTopic(t, settings, partitions);
  const name = settings.kafka.topic;
  const environment = {
    AFTERLOG_KAFKA_BROKERS: settings.kafka.brokers.join(),
    AFTERLOG_KAFKA_TOPIC: name,
    ...more,
  };
  /** Started, and at its first fetch. */
  const follow = async (...args: string[]) => {
    const started = startAfterlog(['topic', '--follow', ...args], environment);
    t.after(() => started.child.kill('SIGKILL'));
    await started.said(/^Following /m);
    const rows = (): Row[] =>
      String(started.output.stdout)
        .split('\n')
        .slice(0, -1)
        .map((line) => followedRowShape.parse(JSON.parse(line), { reportInput: true }));
    return {
      ...started,
      rows,
      messages: () => rows().map(({ message }) => message),
      has: (count: number) =>
        until(
          () => rows().length >= count,
          () => `${count} rows: ${started.output.stderr}`,
        ),
    };
  };
  return { topic, name, environment, follow };
}

const lines = (from: number, to: number): string[] =>
  Array.from({ length: to - from + 1 }, (_, at) => `line ${from + at}`);

/** Other values for some columns. */
const changed = (change: Record<string, (row: number) => Value>) => (columns: Column[]) =>
  columns.map((column) => ({
    ...column,
    values: column.values.map((value, row) => change[column.name]?.(row) ?? value),
  }));

test('--follow --json has a row a line, once and in order, from the end on', async (t) => {
  const { topic, follow, name } = await site(t);
  const epoch = newEpoch();
  await topic.send(run(epoch, 1, 2));
  const { rows, messages, has, output, child, exited } = await follow('--json');
  const [third, fourth] = run(epoch, 3, 4);
  // A send whose answer was lost is repeated; it may be one from before the start.
  await topic.send([third!, ...run(epoch, 2, 2), fourth!, third!, fourth!]);
  await topic.send(run(epoch, 5, 5));
  await has(30);
  assert.deepEqual(messages(), lines(20, 49));
  const { host, sandbox_id, log, record, position, source, severity, timestamp, id } = rows()[0]!;
  assert.deepEqual(
    { host, sandbox_id, log, record, position, source, severity },
    {
      ...{ host: 'host-1', sandbox_id: `sb-${epoch}`, log: 'console', record: 'line' },
      ...{ position: 2000, source: 'app', severity: '' },
    },
  );
  assert.match(String(timestamp), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z$/);
  assert.equal(id, `${rows()[0]!.stream_started_at_ns}-2000`);
  assert.equal(output.stderr.toString(), `Following ${name}; Ctrl-C ends it.\n`);
  child.kill('SIGINT');
  assert.equal(await exited, 0);
});

test('gaps, seals and NULs are records of their own; pieces go on, and no bytes break the JSON', async (t) => {
  const { topic, follow } = await site(t);
  const { rows, has } = await follow('--json');
  const epoch = newEpoch();
  const odd = changed({
    record: (row) => (row === 2 ? 'nuls' : 'line'),
    message: (row) => [Buffer.from('a\xff\n\u2028', 'latin1'), 'login: ', '{"bytes":70000}'][row]!,
    ending: (row) => ['\n', '', ''][row]!,
  });
  await topic.send([poisonBatch(epoch, 1), makeBatch({ epoch, sequence: 2, rows: 3, spoil: odd })]);
  await has(13);
  const [gap, seal] = [rows()[3]!, rows()[9]!];
  assert.deepEqual([gap.record, gap.bytes, gap.reason], ['gap', 100, 'a gap of its own']);
  assert.deepEqual([seal.record, seal.bytes, seal.complete, seal.crc32], ['seal', 950, false, 1]);
  const [broken, piece, nuls] = rows().slice(10);
  assert.deepEqual([broken!.message, broken!.goes_on], ['a\ufffd\n(', undefined]);
  assert.deepEqual([piece!.message, piece!.goes_on], ['login: ', true]);
  assert.deepEqual([nuls!.record, nuls!.bytes], ['nuls', 70_000]);
});

test('unreadable and forged messages are told, counted and left out, and hide no batch', async (t) => {
  const { topic, follow, name } = await site(t);
  const { messages, has, output, child, exited } = await follow('--json');
  const epoch = newEpoch();
  await topic.send(run(epoch, 1, 1));
  const [cut] = run(epoch, 2, 2).map(asMessage);
  cut!.value = (cut!.value as Buffer).subarray(0, -3);
  const foreign = { ...asMessage(makeBatch({ epoch, sequence: 2 })), key: 'host-2' };
  const newer = makeBatch({ epoch, sequence: 2, schema: 99 });
  const unknown = makeBatch({ epoch: epoch + 1, sequence: 1, spoil: changed({ record: () => 'other' }) });
  await topic.send([{ value: 'hello' }, { key: 'k', value: null }, cut!, foreign, newer, unknown]);
  await topic.send([makeBatch({ epoch, sequence: 7_000, text: () => 'far ahead' }), ...run(epoch, 2, 3)]);
  await has(40);
  assert.deepEqual(
    messages().filter((message) => message !== 'far ahead'),
    lines(0, 29),
  );
  assert.match(
    String(output.stderr),
    new RegExp(
      `Message 1 of ${name}/0 is left out \\(1 so far\\).*header 'batch' is missing.*BATCH_DAMAGED`,
      's',
    ),
  );
  child.kill('SIGINT');
  assert.equal(await exited, 0);
  assert.match(String(output.stderr), /^15 messages and rows were left out\.$/m);
});

test('signatures are checked where the master key is, and not with the key of one host', async (t) => {
  const master = testMaster();
  const checked = await site(t, 1, { AFTERLOG_KAFKA_BATCH_KEY: master.text });
  const epoch = newEpoch();
  const [first, forged, last] = [1, 2, 3].map((sequence) => makeBatch({ epoch, sequence, rows: 1 }));
  const messages = [
    master.signed(checked.name, first!),
    master.signed(checked.name, forged!, { by: 'host-2' }),
    master.signed(checked.name, last!),
  ];
  const { messages: shown, has, said } = await checked.follow('--json');
  await checked.topic.send(messages);
  await has(2);
  assert.deepEqual(shown(), ['line 0', 'line 2']);
  await said(/Message 1 of \S+ is left out.*SIGNATURE_WRONG/s);
  const host = { AFTERLOG_KAFKA_BATCH_KEY: master.hostKey('host-1') };
  const unchecked = await site(t, 1, host);
  const followed = await unchecked.follow('--json');
  await unchecked.topic.send(messages);
  await followed.has(3);
});

test('it starts where --offset, --last or --since say, and has only the wanted rows', async (t) => {
  const { topic, follow } = await site(t);
  const epoch = newEpoch();
  await topic.send(run(epoch, 1, 1));
  await sleep(50);
  const since = new Date().toISOString();
  await topic.send(run(epoch, 2, 3));
  await topic.send([
    makeBatch({ epoch: epoch + 1, sequence: 1, host: 'host-2', sandbox_id: 'sb-2', rows: 2 }),
  ]);
  for (const [args, from] of [
    [['--offset', '0'], 0],
    [['--since', since], 10],
    [['--last', '2'], 20],
  ] as const) {
    const { messages, has } = await follow('--json', ...args);
    await has(32 - from);
    assert.deepEqual(messages(), [...lines(from, 29), 'line 0', 'line 1'], args.join(' '));
  }
  for (const args of [
    ['--host', 'host-2'],
    ['--sandbox', 'sb-2'],
  ]) {
    const { messages, has } = await follow('--json', '--offset', '0', ...args);
    await has(2);
    assert.deepEqual(messages(), ['line 0', 'line 1']);
  }
});

test('without --json a row is a line for people, in which nothing of a guest acts', async (t) => {
  const { topic, follow } = await site(t);
  const { printed, output } = await follow();
  const epoch = newEpoch();
  await topic.send([makeBatch({ epoch, sequence: 1, rows: 2, text: (row) => `\x1b[2J${row}\x07` })]);
  await printed(/1␇\n/);
  assert.match(
    String(output.stdout),
    new RegExp(`^host-1 sb-${epoch}  \\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d:\\d\\d\\.\\d{3} app {13}0␇\n`),
  );
});

test('new partitions are followed, and a topic that is deleted and made again', async (t) => {
  const { topic, follow } = await site(t);
  const { messages, has, said } = await follow('--json');
  const epoch = newEpoch();
  await topic.send(run(epoch, 1, 1));
  await topic.addPartitions(2);
  await topic.send(run(epoch + 1, 1, 1), 1);
  await has(20);
  await topic.makeAgain();
  await topic.send(run(epoch, 1, 2));
  await has(30);
  assert.deepEqual(messages(), [...lines(0, 9), ...lines(0, 9), ...lines(10, 19)]);
  await said(/Retrying\. \[TOPIC_MISSING\]\n.*Kafka answers again\./s);
});

test('it ends quietly when its reader leaves', async (t) => {
  const { topic, follow, name } = await site(t);
  const { child, has, exited, output } = await follow('--json');
  const epoch = newEpoch();
  await topic.send(run(epoch, 1, 1));
  await has(10);
  child.stdout.destroy();
  await topic.send(run(epoch, 2, 2));
  assert.equal(await exited, 0);
  assert.equal(String(output.stderr), `Following ${name}; Ctrl-C ends it.\n`);
});

test('a reader that stops reading holds it up in bounded memory, and loses nothing', async (t) => {
  const { topic, follow } = await site(t);
  const { child, has, exited } = await follow('--json');
  const memory = (): number =>
    Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))![1]) / 1024;
  const epoch = newEpoch();
  await topic.send(run(epoch, 1, 1));
  await has(10);
  child.stdout.pause().removeAllListeners('data');
  const before_mib = memory();
  // 200 MB of JSON.
  await topic.send(run(epoch, 2, 101, { text: () => 'x'.repeat(200_000) }));
  await sleep(3_000);
  const grown_mib = memory() - before_mib;
  const positions: number[] = [];
  createInterface({ input: child.stdout }).on('line', (line) => positions.push(JSON.parse(line).position));
  await until(
    () => positions.length === 1_000,
    () => `${positions.length} rows`,
  );
  assert.deepEqual(
    positions,
    Array.from({ length: 1_000 }, (_, row) => 1_000 + row * 100),
  );
  assert.ok(grown_mib < 120, `${grown_mib} MiB`);
  child.kill('SIGINT');
  assert.equal(await exited, 0);
});

test('Ctrl-C ends it while its reader does not read', async (t) => {
  const { topic, follow } = await site(t);
  const { child, has, exited } = await follow('--json');
  const epoch = newEpoch();
  await topic.send(run(epoch, 1, 1));
  await has(10);
  child.stdout.pause();
  await topic.send(run(epoch, 2, 9, { text: () => 'x'.repeat(20_000) }));
  await sleep(1_000);
  child.kill('SIGINT');
  await once(child, 'exit');
  child.stdout.resume();
  assert.equal(await exited, 0);
});

test('options that make no sense together are refused', async () => {
  for (const args of [
    ['--follow', '--rows', '3'],
    ['--since', '1h', '--offset', '3'],
    ['--since', '1h', '--last', '3'],
  ]) {
    const { code, stderr } = await afterlog(['topic', ...args]);
    assert.equal(code, 2);
    assert.match(stderr, /cannot be used with/);
  }
});
