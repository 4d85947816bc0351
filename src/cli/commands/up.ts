import { mkdirSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import type { ClickHouseClient } from '@clickhouse/client';
import { startAgent } from '../../agent.ts';
import { type Settings, settingsSchema } from '../../config/settings.ts';
import { startConsumer } from '../../consume/consumer.ts';
import { startLocalKafka } from '../../deliver/local_kafka.ts';
import { startFleet } from '../../demo/fleet.ts';
import { refuseForeign } from '../../demo/fleet_folder.ts';
import { printLog } from '../../demo/log_lines.ts';
import { startShow } from '../../demo/show.ts';
import { createTerminal, type Terminal } from '../../demo/terminal.ts';
import { explain } from '../../errors.ts';
import { log } from '../../log.ts';
import { startServer } from '../../serve/server.ts';
import { connect, recordUp } from '../../store/client.ts';
import { startEmbedded } from '../../store/embedded.ts';
import { migrate } from '../../store/migrate.ts';
import { createParts, type Parts } from '../parts.ts';

export interface UpOptions {
  /** Run a simulated fleet beside it. */
  demo?: boolean;
  /** Start a Kafka of our own, unless brokers are set. */
  localKafka?: boolean;
}

/**
 * All roles on one machine, until Ctrl-C or SIGTERM; a second one exits at once.
 * @returns the exit code: 0 when asked to end, 1 when something could not start or ended by itself
 */
export async function up(given: Settings, options: UpOptions = {}): Promise<number> {
  const terminal = createTerminal(process.stdout, !process.env.NO_COLOR);
  const showLog = terminal.live && process.stderr.isTTY ? printLog(log, terminal.print) : () => {};
  const parts = createParts(terminal);
  const asked = askedToEnd(terminal, parts);
  let exit_code = 0;
  try {
    const { exits } = await startAll(given, options, terminal, parts, asked.signal);
    const name = asked.signal.aborted ? null : await Promise.race([...exits, aborted(asked.signal)]);
    if (name !== null) {
      exit_code = 1;
      terminal.clear();
      terminal.print(`${name} ended by itself; the rest ends too.`);
    }
  } catch (error) {
    exit_code = 1;
    terminal.clear();
    terminal.print('Not started; what has started ends.');
    await parts.stopAll();
    console.error(explain(error));
  }
  await parts.stopAll();
  terminal.clear();
  asked.forget();
  showLog();
  return exit_code;
}

/** Starts every role in order. Each of `exits` resolves with the name of a server of ours that has ended. */
async function startAll(
  given: Settings,
  options: UpOptions,
  terminal: Terminal,
  parts: Parts,
  signal: AbortSignal,
): Promise<{ exits: Promise<string>[] }> {
  let settings = options.demo ? demoSettings(given) : given;
  const exits: Promise<string>[] = [];
  if (options.demo) {
    refuseForeign(settings.data_dir);
    mkdirSync(join(settings.data_dir, 'vms'), { recursive: true });
  }
  const where = relative('', settings.data_dir) || '.';
  terminal.print(`afterlog: ${options.demo ? 'a simulated fleet in' : 'sandboxes of'} ${where}`);

  if (settings.clickhouse.url === undefined) {
    const dir = join(settings.state_dir, 'clickhouse');
    const embedded = await parts.start(
      'ClickHouse',
      `starting on ${relative('', dir)}, waits for its first answer`,
      () => startEmbedded({ dir }),
      (started) => started.url,
    );
    exits.push(embedded.exited.then(() => 'ClickHouse'));
    settings = { ...settings, clickhouse: { ...settings.clickhouse, url: embedded.url } };
    settings = { ...settings, clickhouse: { ...settings.clickhouse, username: 'default', password: '' } };
    const forget = recordUp(settings, { url: embedded.url, pid: process.pid, listen: settings.listen });
    parts.atEnd('', forget);
  }
  const client = connect(settings);
  parts.atEnd('', () => client.close());
  await parts.start('Tables', 'migrating', async () => {
    await migrate(client, settings.clickhouse.database);
    return {};
  });
  const ending: { summary?: () => Promise<void> } = {};
  parts.atEnd('', () => ending.summary?.());
  if (signal.aborted) return { exits };

  if (options.localKafka && settings.kafka.brokers.length === 0) {
    const kafka = await parts.start(
      'Kafka',
      'starting, waits for its first answer',
      (onProgress) => startLocalKafka({ dir: join(settings.state_dir, 'kafka'), onProgress }),
      (started) => started.broker,
    );
    exits.push(kafka.exited.then(() => 'Kafka'));
    settings = { ...settings, kafka: { ...settings.kafka, brokers: [kafka.broker] } };
  }
  if (signal.aborted) return { exits };
  const { brokers } = settings.kafka;
  if (brokers.length > 0)
    await parts.start(
      'Consumer',
      'joining its group',
      () => startConsumer(settings),
      () => brokers.join(', '),
    );
  const server = await parts.start(
    'HTTP API',
    `opening ${settings.listen}`,
    () => startServer(settings),
    (listening) => listening.address,
  );
  const agent = await parts.start('Agent', 'looking for sandboxes', () => startAgent(settings));
  if (signal.aborted) return { exits };
  if (!options.demo) {
    terminal.print('Up. In another terminal: afterlog sandboxes; afterlog logs ID. Ctrl-C ends it.');
    return { exits };
  }
  await startDemo(settings, client, agent, server.address, terminal, parts, ending);
  return { exits };
}

async function startDemo(
  settings: Settings,
  client: ClickHouseClient,
  agent: Awaited<ReturnType<typeof startAgent>>,
  address: string,
  terminal: Terminal,
  parts: Parts,
  ending: { summary?: () => Promise<void> },
): Promise<void> {
  const fleet = await startFleet({ data_dir: settings.data_dir, ledger: true });
  if (terminal.live) terminal.print('');
  const way = settings.kafka.brokers.length > 0 ? 'through Kafka' : 'direct to ClickHouse';
  const { database } = settings.clickhouse;
  const show = startShow({ terminal, client, database, fleet, agent, way, address });
  // In reverse: the screen goes, the fleet ends, the last sandboxes are compared, then the agent ends.
  parts.atEnd('Last sandboxes', () => show.settle());
  parts.atEnd('Fleet', () => fleet.stop());
  parts.atEnd('', () => show.stop());
  ending.summary = async () => terminal.print(await show.summary());
}

/** The demo has a folder of its own, unless one was named. */
export function demoSettings(given: Settings): Settings {
  const runtime_dir = settingsSchema.parse({}).data_dir;
  if (given.data_dir !== runtime_dir) return given;
  const data_dir = resolve('.afterlog-demo');
  const own_state = given.state_dir !== join(runtime_dir, '.afterlog');
  return { ...given, data_dir, state_dir: own_state ? given.state_dir : join(data_dir, '.afterlog') };
}

/** Aborts its signal at the first Ctrl-C or SIGTERM; at the second it kills what would be left, and exits. */
function askedToEnd(terminal: Terminal, parts: Parts): { signal: AbortSignal; forget(): void } {
  const asked = new AbortController();
  const names = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  const onSignal = (): void => {
    if (asked.signal.aborted) {
      parts.killAll();
      process.exit(130);
    }
    terminal.clear();
    terminal.print('Ending in order; Ctrl-C again exits at once.');
    asked.abort();
  };
  for (const name of names) process.on(name, onSignal);
  return {
    signal: asked.signal,
    forget: () => {
      for (const name of names) process.off(name, onSignal);
    },
  };
}

const aborted = (signal: AbortSignal): Promise<null> =>
  new Promise((settle) => signal.addEventListener('abort', () => settle(null), { once: true }));
