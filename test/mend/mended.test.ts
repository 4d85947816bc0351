import assert from 'node:assert/strict';
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { ClickHouseClient } from '@clickhouse/client';
import type { Settings } from '../../src/config/settings.ts';
import { migrate } from '../../src/store/care/migrate.ts';
import { clickhouse, clickhouseSettings, rowsOf } from '../support/clickhouse.ts';
import { until } from '../support/patience.ts';
import { environmentOf, RoleProcess } from '../support/roles.ts';
import { rotate } from '../support/rotate.ts';
import { batchesWith, damage } from '../support/spool_damage.ts';

/** An agent that writes to ClickHouse itself, whose batches wait until the tables are made. */
class Direct {
  readonly spoolDir: string;
  readonly agent: RoleProcess;
  readonly client: ClickHouseClient;
  private readonly settings: Settings;

  constructor(t: TestContext, settings: Settings) {
    this.settings = settings;
    this.spoolDir = join(settings.state_dir, 'spool');
    this.agent = new RoleProcess(t, ['agent'], environmentOf(settings));
    this.client = clickhouse(t);
    mkdirSync(this.folder, { recursive: true });
  }

  get folder(): string {
    return join(this.settings.data_dir, 'vms', 'sb');
  }

  get file(): string {
    return join(this.folder, 'console.log');
  }

  /** Lines of one batch each. */
  async say(...lines: string[]): Promise<void> {
    for (const line of lines) {
      appendFileSync(this.file, line);
      await until(async () => this.batchesOf(line).length > 0);
    }
  }

  batchesOf(text: string): ReturnType<typeof batchesWith> {
    return batchesWith(this.spoolDir, (row) => (row.bytes.toString() + row.record).includes(text));
  }

  /** Links by which the agent holds files. */
  pins(): string[] {
    return readdirSync(join(this.settings.data_dir, '.afterlog', 'pins'));
  }

  async makeTables(): Promise<void> {
    await migrate(this.client, this.settings.clickhouse.database);
  }

  async rows(record: string, fields: string): Promise<unknown[]> {
    const { database } = this.settings.clickhouse;
    const query = `SELECT sandbox_id, toUInt32(position) AS at, ${fields} FROM ${database}.console_logs FINAL
      WHERE record = '${record}' ORDER BY sandbox_id, stream_started_at, position`;
    return await rowsOf(this.client, query).catch(() => []);
  }

  /** Gaps with their bytes, lines with their text, and the seal. */
  async told(): Promise<{ lines: string; gaps: unknown[]; seals: unknown[] }> {
    const lines = (await this.rows('line', 'concat(prefix, message, ending) AS text')) as { text: string }[];
    return {
      lines: lines.map(({ text }) => text).join(''),
      gaps: await this.rows('gap', `JSONExtract(message, 'bytes', 'Nullable(UInt32)') AS bytes`),
      seals: await this.rows(
        'seal',
        `JSONExtractUInt(message, 'gaps') AS gaps, JSONExtractUInt(message, 'lines') AS lines, JSONExtractBool(message, 'complete') AS complete`,
      ),
    };
  }
}

async function direct(t: TestContext): Promise<Direct> {
  const site = new Direct(t, await clickhouseSettings(t));
  site.agent.start();
  return site;
}

test('an entry that rots while the agent runs, its file gone: gap and seal are right in ClickHouse, and no batch is missing there', async (t) => {
  const site = await direct(t);
  await site.say('one\n');
  // The first send is under way by now; what comes is read from the disk when that has arrived.
  await until(async () => site.agent.output.includes('SCHEMA') || site.agent.output.includes('batches wait'));
  await site.say('two is lost\n', 'three\n');
  rotate(site.file);
  appendFileSync(site.file, '');
  await site.say('four\n');
  rmSync(`${site.file}.1`);
  await until(() => site.pins().length === 1);
  for (const entry of site.batchesOf('two is lost')) damage(site.spoolDir, entry);
  await site.makeTables();
  await until(async () => (await site.told()).lines.includes('four'));
  await site.say('five\n');
  rmSync(site.folder, { recursive: true });
  await until(async () => (await site.told()).seals.length > 0);
  assert.deepEqual(await site.told(), {
    lines: 'one\nthree\nfour\nfive\n',
    gaps: [{ sandbox_id: 'sb', at: 4, bytes: 12 }],
    seals: [{ sandbox_id: 'sb', at: 32, gaps: 1, lines: 4, complete: 0 }],
  });
});

test('found at the start, after the seal was told: the seal in ClickHouse is the right one', async (t) => {
  const site = await direct(t);
  await site.say('one\n', 'two is lost\n', 'three\n');
  rmSync(site.folder, { recursive: true });
  await until(async () => site.batchesOf('seal').length > 0);
  await until(() => site.pins().length === 0);
  await site.agent.kill();
  for (const entry of site.batchesOf('two is lost')) damage(site.spoolDir, entry, 'head');
  site.agent.start();
  await site.makeTables();
  await until(async () => ((await site.told()).seals[0] as { complete?: number })?.complete === 0);
  assert.deepEqual(await site.told(), {
    lines: 'one\nthree\n',
    gaps: [{ sandbox_id: 'sb', at: 4, bytes: 12 }],
    seals: [{ sandbox_id: 'sb', at: 22, gaps: 1, lines: 2, complete: 0 }],
  });
});

test('an entry that was delivered already: nothing is lost, so no gap', async (t) => {
  const site = await direct(t);
  await site.makeTables();
  await site.say('one\n', 'two\n');
  const cursor = join(site.spoolDir, 'cursor.json');
  await until(async () => (await site.told()).lines === 'one\ntwo\n');
  await until(async () => existsSync(cursor));
  await site.agent.kill();
  for (const entry of site.batchesOf('two')) damage(site.spoolDir, entry);
  // Right after a crash the cursor may be behind what has arrived.
  writeFileSync(
    cursor,
    JSON.stringify({ ...JSON.parse(readFileSync(cursor, 'utf8')), at: { segment: 1, offset: 0 } }),
  );
  site.agent.start();
  await site.say('three\n');
  rmSync(site.folder, { recursive: true });
  await until(async () => (await site.told()).seals.length > 0);
  assert.deepEqual(await site.told(), {
    lines: 'one\ntwo\nthree\n',
    gaps: [],
    seals: [{ sandbox_id: 'sb', at: 14, gaps: 0, lines: 3, complete: 1 }],
  });
});

for (const what of ['spool', 'whole state dir, pins and all,'] as const) {
  test(`the ${what} is lost: what is there is read again under the same keys, so nothing is doubled`, async (t) => {
    const site = await direct(t);
    await site.makeTables();
    await site.say('one\n', 'two\n');
    rotate(site.file);
    await site.say('three\n');
    await until(async () => (await site.told()).lines === 'one\ntwo\nthree\n');
    await site.agent.kill();
    rmSync(what === 'spool' ? site.spoolDir : join(site.spoolDir, '..'), { recursive: true });
    site.agent.start();
    await site.say('four\n');
    rmSync(site.folder, { recursive: true });
    await until(async () => (await site.told()).seals.length > 0);
    assert.deepEqual(await site.told(), {
      lines: 'one\ntwo\nthree\nfour\n',
      gaps: [],
      seals: [{ sandbox_id: 'sb', at: 19, gaps: 0, lines: 4, complete: 1 }],
    });
  });
}
