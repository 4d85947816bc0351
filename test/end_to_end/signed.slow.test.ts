import assert from 'node:assert/strict';
import { appendFileSync, existsSync, mkdirSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { freePort } from '../../src/base/child_process.ts';
import type { Settings } from '../../src/config/settings.ts';
import type { ConsumerStatus } from '../../src/consume/consumer.ts';
import { createKafka } from '../../src/kafka/client.ts';
import { deadLetterTopic, withAdmin } from '../../src/kafka/topics.ts';
import { rowsOf } from '../support/clickhouse.ts';
import { site } from '../support/consumer_site.ts';
import { diagnose } from '../support/doctor.ts';
import { withoutMerges } from '../support/letters.ts';
import { NOWHERE } from '../support/nowhere.ts';
import { until } from '../support/patience.ts';
import { environmentOf, RoleProcess } from '../support/roles.ts';
import { testMaster } from '../support/signing.ts';
import { assertReadBack, assertStoredOnceAndInOrder } from '../support/stored.ts';
import { temporaryDir } from '../support/temporary.ts';

const OLD_RELEASE = process.env.TEST_RELEASE;
const KEY = 'AFTERLOG_KAFKA_BATCH_KEY';
const CHECK = 'AFTERLOG_KAFKA_BATCH_SIGNATURES';

/** A host with one sandbox. Its agent changes its settings, and at first its version; its spool stays. */
class Host {
  readonly name: string;
  readonly written: Buffer[] = [];
  private readonly t: TestContext;
  private readonly settings: Settings;
  private readonly file: string;
  private agent: RoleProcess | null = null;

  constructor(t: TestContext, site: Settings, name: string, dir: string) {
    this.t = t;
    this.name = name;
    const data_dir = join(dir, name);
    this.settings = { ...site, host: name, data_dir, state_dir: join(data_dir, '.afterlog') };
    mkdirSync(join(data_dir, 'vms', this.sandbox), { recursive: true });
    this.file = join(data_dir, 'vms', this.sandbox, 'console.log');
    this.write('the first line\n');
  }

  get sandbox(): string {
    return `sb-${this.name}`;
  }

  write(text: string): void {
    appendFileSync(this.file, text);
    this.written.push(Buffer.from(text));
  }

  get bytes(): number {
    return this.written.reduce((sum, { length }) => sum + length, 0);
  }

  /** Ends its agent, in order, and starts another one on the same spool. */
  async restart(environment: Record<string, string>, version?: string): Promise<void> {
    await this.agent?.stop();
    const main = version === undefined ? [] : [join(version, 'bin/afterlog.js')];
    const all = { ...environmentOf(this.settings), ...environment };
    this.agent = new RoleProcess(this.t, ['agent'], all, [], ...main);
    this.agent.start();
  }

  /** The size of its spool. */
  get spool_bytes(): number {
    const spool = join(this.settings.state_dir, 'spool');
    if (!existsSync(spool)) return 0;
    return readdirSync(spool).reduce((sum, name) => sum + statSync(join(spool, name)).size, 0);
  }

  get output(): string {
    return this.agent?.output ?? '';
  }
}

test('from agents without a key to required signatures and a new master key, without one dead letter', async (t) => {
  const { settings, client, database } = await site(t);
  await withoutMerges(client, database);
  const dir = await temporaryDir(t);
  const [a, b, c] = ['a', 'b', 'c'].map((name) => new Host(t, settings, name, dir)) as [Host, Host, Host];
  const hosts = [a, b, c];
  const [first, second] = [testMaster(), testMaster()];

  let consumer: RoleProcess | null = null;
  let address = '';
  const consume = async (environment: Record<string, string>): Promise<void> => {
    await consumer?.stop();
    address = `127.0.0.1:${await freePort()}`;
    const all = { ...environmentOf(settings), AFTERLOG_CONSUMER_LISTEN: address, ...environment };
    consumer = new RoleProcess(t, ['consumer'], all);
    consumer.start();
  };
  const status = async (): Promise<ConsumerStatus> =>
    (await (await fetch(`http://${address}/healthz`)).json()) as ConsumerStatus;
  const stored = async ({ sandbox }: Host): Promise<number> => {
    const [row] = await rowsOf<{ bytes: number }>(
      client,
      `SELECT sum(length(prefix) + length(message) + length(ending)) AS bytes FROM ${database}.console_logs
       WHERE sandbox_id = '${sandbox}' AND record = 'line'`,
    );
    return Number(row!.bytes);
  };
  /** All hosts write; waits until all of it is stored. */
  const flows = async (step: string, some = hosts): Promise<void> => {
    for (const host of some) host.write(`${host.name}: ${step}\n`.repeat(50));
    for (const host of some) {
      await until(
        async () => (await stored(host)) === host.bytes,
        () => `${step}: the bytes of ${host.name}\n${host.output}\n${consumer!.output}`,
      );
    }
  };
  const doctor = async (environment: Record<string, string>) => {
    const found = await diagnose({
      ...(Object.fromEntries(
        Object.entries(environmentOf(settings)).filter(([name]) => name.startsWith('AFTERLOG_')),
      ) as Record<string, string>),
      ...environment,
    });
    return found.one('topic/signatures');
  };

  // Nobody knows of signatures. Host b cannot reach its broker: its batches stay in its spool.
  await a.restart({}, OLD_RELEASE);
  await b.restart({ AFTERLOG_KAFKA_BROKERS: NOWHERE }, OLD_RELEASE);
  await c.restart({}, OLD_RELEASE);
  b.write('of before there was a key\n'.repeat(50));
  await until(() => b.spool_bytes > 500);
  await consume({});
  await flows('without signatures', [a, c]);

  // Two of three agents get keys, while the consumer ignores signatures.
  await a.restart({ [KEY]: first.hostKey('a') });
  await b.restart({ [KEY]: first.hostKey('b') });
  await flows('signed, and ignored');

  await consume({ [KEY]: first.text });
  await flows('verified');
  const { batches_signed, batches_unsigned } = await status();
  assert.ok(batches_signed > 0 && batches_unsigned > 0, `${batches_signed} signed, ${batches_unsigned} not`);
  const unsafe = await doctor({ [KEY]: first.text });
  assert.equal(unsafe.level, 'note');
  assert.match(unsafe.message, /the newest of host c is not signed: .*require would set them aside/);

  await c.restart({ [KEY]: first.hostKey('c') });
  await flows('verified, all signed');
  // Its batches of before came unsigned; they have landed.
  await until(async () => (await doctor({ [KEY]: first.text })).level === 'ok');
  assert.match((await doctor({ [KEY]: first.text })).message, /require is safe/);

  await consume({ [KEY]: first.text, [CHECK]: 'require' });
  await flows('required');

  // A new master key: consumers take both, then each agent gets its new key, then the old one goes.
  await consume({ [KEY]: `${second.text},${first.text}`, [CHECK]: 'require' });
  await flows('both keys taken');
  for (const host of hosts) await host.restart({ [KEY]: second.hostKey(host.name) });
  await flows('signed with the new key');
  await consume({ [KEY]: second.text, [CHECK]: 'require' });
  await flows('the old key is gone');

  const { batches_refused, batches_unsigned: none, batches_wrongly_signed } = await status();
  assert.deepEqual([batches_refused, none, batches_wrongly_signed], [0, 0, 0]);
  const topics = await withAdmin(createKafka(settings), (admin) => admin.listTopics());
  assert.ok(!topics.includes(deadLetterTopic(settings.kafka.topic)), 'no dead letter was ever written');
  await assertStoredOnceAndInOrder(client, database);
  await assertReadBack(settings, new Map(hosts.map((host) => [host.sandbox, Buffer.concat(host.written)])));
  const gaps = await rowsOf(client, `SELECT message FROM ${database}.console_logs WHERE record = 'gap'`);
  assert.deepEqual(gaps, []);
});
