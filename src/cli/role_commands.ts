import { setFlagsFromString } from 'node:v8';
import type { Command } from 'commander';
import { loadSettings, readSecrets, requireBrokers, type Settings } from '../config/settings.ts';
import { command, flagsOf, settingsOf } from './command.ts';
import type { Reading, Source } from './reload.ts';
import { runRole, withStatus } from './role.ts';

/** Commands that run until a signal stops them. */
export function addRoles(program: Command): void {
  command(
    program,
    'up',
    'Run all roles on one machine, with an embedded ClickHouse',
    'afterlog up --demo                            # a simulated fleet',
    'afterlog up --data-dir /var/lib/pandastack    # this host’s sandboxes',
  )
    .option('--demo', 'run a simulated fleet of sandboxes')
    .option('--local-kafka', 'start a local Kafka and use it (needs Java and Maven)')
    .action(async (options: { demo?: boolean; localKafka?: boolean }, self) => {
      const { up } = await import('./commands/up.ts');
      process.exitCode = await up(settingsOf(self), options, readingOf(self));
    });
  command(
    program,
    'agent',
    'Read this host’s logs; send them to Kafka or ClickHouse',
    'afterlog agent --kafka-brokers broker-1:9092,broker-2:9092',
    'afterlog agent --clickhouse-url http://clickhouse:8123    # without Kafka',
  ).action(async (_options, self) => {
    const settings = settingsOf(self);
    // By default V8 soon uses 64 MB for short-lived objects. An agent's lines are bytes and create few
    // objects.
    setFlagsFromString('--semi-space-growth-factor=1');
    const { startAgent } = await import('../agent/agent.ts');
    await runRole(
      'agent',
      () => withStatus('agent', settings, () => startAgent(settings)),
      `The agent reads ${settings.data_dir} (${settings.layout}) as host ${settings.host} and writes to ${
        settings.kafka.brokers.length > 0 ? `Kafka topic ${settings.kafka.topic}` : 'ClickHouse'
      }.`,
      sourceOf(settings, self),
    );
  });
  command(
    program,
    'consumer',
    'Write batches from Kafka to ClickHouse',
    'afterlog consumer --kafka-brokers kafka:9092 --clickhouse-url http://db:8123',
  ).action(async (_options, self) => {
    const settings = settingsOf(self);
    requireBrokers(settings);
    const { startConsumer } = await import('../consume/consumer.ts');
    await runRole(
      'consumer',
      () => withStatus('consumer', settings, () => startConsumer(settings)),
      `The consumer reads topic ${settings.kafka.topic}.`,
      sourceOf(settings, self),
    );
  });
  command(
    program,
    'server',
    'Serve the HTTP API',
    'afterlog server                            # for this machine only',
    'AFTERLOG_TOKENS=… afterlog server --listen 0.0.0.0:8600',
  ).action(async (_options, self) => {
    const settings = settingsOf(self);
    const { startServer } = await import('../serve/server.ts');
    const started = `The server listens on ${settings.listen}.`;
    await runRole('server', () => startServer(settings), started, sourceOf(settings, self));
  });
  command(
    program,
    'fleet',
    'Write the files of a simulated fleet, to try other roles',
    'afterlog fleet --data-dir /tmp/fleet',
  ).action(async (_options, self) => {
    const { fleet } = await import('./commands/fleet.ts');
    await fleet(settingsOf(self));
  });
}

/** The settings of a role that runs, to read them again from the file and the files that variables name. */
const sourceOf = (settings: Settings, self: Command): Source => ({ settings, ...readingOf(self) });

const readingOf = (self: Command): Reading => ({
  all: () => loadSettings(flagsOf(self)),
  secrets: (wanted) => readSecrets(wanted, flagsOf(self), process.env),
});
