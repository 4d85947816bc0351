import assert from 'node:assert/strict';
import { appendFileSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { followedRowShape } from '../../src/cli/followed_row.ts';
import { loadSettings } from '../../src/config/settings.ts';
import { type LocalKafka, startLocalKafka } from '../../src/kafka/local_kafka.ts';
import { startAfterlog } from '../support/command.ts';
import { until } from '../support/patience.ts';
import { environmentOf, RoleProcess } from '../support/roles.ts';
import { temporaryDir } from '../support/temporary.ts';

test('what an agent sends is followed once and in order, also over a broker that is killed', async (t) => {
  const dir = await temporaryDir(t);
  let kafka: LocalKafka = await startLocalKafka({ dir: join(dir, 'kafka') });
  t.after(() => kafka.stop());
  const settings = loadSettings(
    {
      ...{ dataDir: join(dir, 'data'), stateDir: join(dir, 'state'), host: 'host-1' },
      ...{ kafkaBrokers: kafka.broker, agentListen: '127.0.0.1:0' },
    },
    {},
  );
  const folder = join(settings.data_dir, 'vms', 'sb-1');
  mkdirSync(folder, { recursive: true });
  let written = 0;
  const write = (): void => {
    for (let line = 0; line < 10; line++) appendFileSync(join(folder, 'console.log'), `line ${++written}\n`);
  };
  write();
  const agent = new RoleProcess(t, ['agent'], environmentOf(settings));
  agent.start();
  const environment = { AFTERLOG_KAFKA_BROKERS: kafka.broker };
  const port = Number(kafka.broker.split(':')[1]);
  // The agent makes the topic.
  await until(
    () => agent.output.includes('sandbox-logs'),
    () => agent.output,
  );
  const { output, said, child, exited } = startAfterlog(
    ['topic', '--follow', '--json', '--offset', '0'],
    environment,
  );
  t.after(() => child.kill('SIGKILL'));
  await said(/^Following /m);
  const rows = () =>
    String(output.stdout)
      .split('\n')
      .slice(0, -1)
      .map((line) => followedRowShape.parse(JSON.parse(line)));
  const followed = (count: number) =>
    until(
      () => rows().length >= count,
      () => `${count} rows, not ${rows().length}: ${output.stderr}${agent.output}`,
    );
  await followed(10);
  for (let time = 0; time < 2; time++) {
    write();
    kafka.kill();
    await kafka.exited;
    write();
    await said(/Retrying\. \[KAFKA_UNREACHABLE\]/);
    kafka = await startLocalKafka({ dir: join(dir, 'kafka'), port });
    write();
    await followed(written);
  }
  rmSync(folder, { recursive: true });
  await followed(written + 1);
  const seal = rows().at(-1)!;
  assert.ok(seal.record === 'seal' && seal.complete && seal.lines === written, JSON.stringify(seal));
  assert.deepEqual(
    rows().flatMap((row) => (row.record === 'line' ? [row.message] : [])),
    Array.from({ length: written }, (_, at) => `line ${at + 1}`),
  );
  assert.match(String(output.stderr), /Kafka answers again\./);
  child.kill('SIGINT');
  assert.equal(await exited, 0);
});
