import assert from 'node:assert/strict';
import { appendFileSync, existsSync, mkdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { createClient } from '@clickhouse/client';
import { loadSettings } from '../../src/config/settings.ts';
import { startLocalKafka } from '../../src/kafka/local_kafka.ts';
import { migrate } from '../../src/store/care/migrate.ts';
import { startEmbedded } from '../../src/store/embedded/embedded.ts';
import { rowsOf } from '../support/clickhouse.ts';
import { contentOf, randomOf, writesOf } from '../support/content.ts';
import { until } from '../support/patience.ts';
import { afterlog, environmentOf, RoleProcess } from '../support/roles.ts';
import { assertReadBack, assertStoredOnceAndInOrder, sealedCount, stopMerges } from '../support/stored.ts';
import { temporaryDir } from '../support/temporary.ts';

const SANDBOXES = 64;
const KILLS = 10;
const SEED = 42;
/** What is written at most while the test waits for one thing, in rounds over all sandboxes. */
const ROUNDS_MAX = 20;

/** Writes the sandboxes' consoles round by round until told to stop; rotates some by renaming. */
class Writer {
  readonly written = new Map<string, Buffer[]>();
  bytes = 0;
  private readonly vms: string;
  private readonly random = randomOf(SEED);
  private isOver = false;
  /** Rounds until it waits. */
  private left = 0;
  /** What is written: made beforehand, for that takes longer than all else. */
  private readonly pieces: Buffer[];

  constructor(vms: string) {
    this.vms = vms;
    this.pieces = Array.from({ length: 100 }, (_, index) =>
      Buffer.from(contentOf(index, this.random).subarray(0, 2_000)),
    );
    for (let index = 0; index < SANDBOXES; index++) {
      mkdirSync(join(vms, `sb-${index}`));
      this.write(index, Buffer.from(`sb-${index} starts\n`));
    }
  }

  /** So much more may be written; on a slow machine it would be too much else. */
  goOn(): void {
    this.left = ROUNDS_MAX;
  }

  /** Until `finish()`: some bytes to each sandbox in turn, about a megabyte a second. */
  async run(): Promise<void> {
    for (let round = 0; !this.isOver; round++) {
      while (this.left === 0 && !this.isOver) await sleep(10);
      this.left--;
      for (let index = 0; index < SANDBOXES; index++) {
        const bytes = this.pieces[(index + round) % this.pieces.length]!;
        for (const piece of writesOf(bytes, this.random, 1_500)) this.write(index, piece);
        if (this.random() < 0.02) this.rotate(index);
      }
      await sleep(100);
    }
  }

  private write(index: number, bytes: Buffer): void {
    const id = `sb-${index}`;
    appendFileSync(join(this.vms, id, 'console.log'), bytes);
    this.bytes += bytes.length;
    this.written.set(id, [...(this.written.get(id) ?? []), bytes]);
  }

  private rotate(index: number): void {
    const file = join(this.vms, `sb-${index}`, 'console.log');
    // The chain keeps three: what no agent has seen, nobody could read.
    if (statSync(file).nlink === 1) return;
    for (const age of [2, 1]) {
      if (existsSync(`${file}.${age}`)) renameSync(`${file}.${age}`, `${file}.${age + 1}`);
    }
    renameSync(file, `${file}.1`);
    appendFileSync(file, '');
  }

  /** Whether an agent holds all that is written to now by a link. */
  isSeen(): boolean {
    return [...this.written.keys()].every((id) => statSync(join(this.vms, id, 'console.log')).nlink > 1);
  }

  finish(): void {
    this.isOver = true;
  }
}

test('10 kill -9 each of agent and consumer, a restart of broker and of ClickHouse: every byte once, in order', async (t) => {
  const dir = await temporaryDir(t);
  let kafka = await startLocalKafka({ dir: join(dir, 'kafka') });
  let clickhouse = await startEmbedded({ dir: join(dir, 'clickhouse') });
  t.after(async () => {
    await kafka.stop();
    await clickhouse.stop();
  });
  const kafkaPort = Number(kafka.broker.split(':')[1]);
  const clickhousePort = Number(new URL(clickhouse.url).port);
  const settings = loadSettings(
    {
      dataDir: join(dir, 'data'),
      host: 'test-host',
      kafkaBrokers: kafka.broker,
      clickhouseUrl: clickhouse.url,
      listen: '127.0.0.1:0',
      agentListen: '127.0.0.1:0',
      consumerListen: '127.0.0.1:0',
    },
    {},
  );
  const client = createClient({ url: clickhouse.url });
  t.after(() => client.close());
  await migrate(client, 'afterlog');
  await stopMerges(client, 'afterlog');
  const env = environmentOf(settings);
  const vms = join(settings.data_dir, 'vms');
  mkdirSync(vms, { recursive: true });

  const writer = new Writer(vms);
  const agent = new RoleProcess(t, ['agent'], env);
  const consumer = new RoleProcess(t, ['consumer'], env);
  agent.start();
  consumer.start();
  const writing = writer.run();
  const stored = async (): Promise<number> => {
    const rows = await rowsOf<{ rows: number }>(client, 'SELECT count() AS rows FROM afterlog.console_logs');
    return Number(rows[0]!.rows);
  };
  /** Rows arrive and bytes are written while it waits: what is killed next is at work. */
  const flows = async (): Promise<void> => {
    writer.goOn();
    const [rows, bytes] = [await stored().catch(() => 0), writer.bytes];
    await until(async () => (await stored().catch(() => 0)) > rows && writer.bytes > bytes);
  };

  await flows();
  for (let kill = 1; kill <= KILLS; kill++) {
    await agent.kill();
    await sleep(50 * (kill % 4));
    agent.start();
    await flows();
    await consumer.kill();
    consumer.start();
    await flows();
    if (kill === 3) {
      kafka.kill();
      await kafka.exited;
      kafka = await startLocalKafka({ dir: join(dir, 'kafka'), port: kafkaPort });
    }
    if (kill === 6) {
      clickhouse.kill();
      await clickhouse.exited;
      clickhouse = await startEmbedded({ dir: join(dir, 'clickhouse'), http_port: clickhousePort });
      await stopMerges(client, 'afterlog');
    }
  }
  writer.finish();
  await writing;
  await until(() => writer.isSeen());
  for (let index = 0; index < SANDBOXES; index++) rmSync(join(vms, `sb-${index}`), { recursive: true });
  await until(async () => (await sealedCount(client, 'afterlog').catch(() => 0)) === SANDBOXES);

  const gaps = await rowsOf(
    client,
    `SELECT sandbox_id, message FROM afterlog.console_logs WHERE record = 'gap'`,
  );
  assert.deepEqual(gaps, [], `nothing was lost, so no gap:\n${agent.output}\n${consumer.output}`);
  await assertReadBack(
    settings,
    new Map([...writer.written].map(([id, pieces]) => [id, Buffer.concat(pieces)])),
  );
  await assertStoredOnceAndInOrder(client, 'afterlog');
  const verified = await afterlog(env, 'verify');
  assert.match(
    String(verified.stdout),
    new RegExp(`^${SANDBOXES} streams, \\d+ rows: ${SANDBOXES} complete, 0 wrong\n`),
  );
});
