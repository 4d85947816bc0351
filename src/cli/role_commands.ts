import { setFlagsFromString } from 'node:v8';
import type { Command } from 'commander';
import { requireBrokers } from '../config/settings.ts';
import { command, settingsOf } from './command.ts';
import { runRole, withStatus } from './role.ts';

/** What runs until it is told to stop. */
export function addRoles(program: Command): void {
  command(
    program,
    'up',
    'All roles on one machine, with a ClickHouse of its own',
    'afterlog up --demo                            # watch a simulated fleet',
    'afterlog up --data-dir /var/lib/pandastack    # real sandboxes, one host, no Kafka',
  )
    .option('--demo', 'run a simulated fleet of sandboxes')
    .option('--local-kafka', 'start a real Kafka and go through it (needs Java and Maven)')
    .action(async (options: { demo?: boolean; localKafka?: boolean }, self) => {
      const { up } = await import('./commands/up.ts');
      process.exitCode = await up(settingsOf(self), options);
    });
  command(
    program,
    'agent',
    'Read this host’s sandboxes and send their lines',
    'afterlog agent --kafka-brokers broker-1:9092,broker-2:9092',
    'afterlog agent --clickhouse-url http://clickhouse:8123    # without Kafka',
  ).action(async (_options, self) => {
    const settings = settingsOf(self);
    // Else V8 keeps 64 MB for objects that die young, from its start on. An agent's lines are bytes and make none.
    setFlagsFromString('--semi-space-growth-factor=1');
    const { startAgent } = await import('../agent/agent.ts');
    await runRole(
      'agent',
      () => withStatus('agent', settings.agent_listen, () => startAgent(settings)),
      `The agent is reading ${settings.data_dir} (${settings.layout}) as host ${settings.host}, for ${
        settings.kafka.brokers.length > 0 ? `Kafka’s topic ${settings.kafka.topic}` : 'ClickHouse'
      }.`,
    );
  });
  command(
    program,
    'consumer',
    'Bring batches from Kafka to ClickHouse',
    'afterlog consumer --kafka-brokers broker:9092 --clickhouse-url http://clickhouse:8123',
  ).action(async (_options, self) => {
    const settings = settingsOf(self);
    requireBrokers(settings);
    const { startConsumer } = await import('../consume/consumer.ts');
    await runRole(
      'consumer',
      () => withStatus('consumer', settings.consumer_listen, () => startConsumer(settings)),
      `The consumer consumes ${settings.kafka.topic}.`,
    );
  });
  command(
    program,
    'server',
    'Serve the HTTP API',
    'afterlog server                            # this machine only',
    'AFTERLOG_TOKENS=… afterlog server --listen 0.0.0.0:8600',
  ).action(async (_options, self) => {
    const settings = settingsOf(self);
    const { startServer } = await import('../serve/server.ts');
    await runRole('server', () => startServer(settings), `The server serves ${settings.listen}.`);
  });
  command(
    program,
    'fleet',
    'Write a simulated fleet’s files, to try the other roles on',
    'afterlog fleet --data-dir /tmp/fleet',
  ).action(async (_options, self) => {
    const { fleet } = await import('./commands/fleet.ts');
    await fleet(settingsOf(self));
  });
}
