import { spawn } from 'node:child_process';
import { access, mkdir, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { Kafka, logLevel } from 'kafkajs';
import { exitOf, freePort, isPortFree, keepLastLines } from '../base/child_process.ts';
import { type ChildServer, startOnPort, untilReady } from '../base/child_server.ts';
import { AfterlogError } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import { kafkaJars } from './kafka_jars.ts';
import { patchKafkaJs } from './patches.ts';

export interface LocalKafka extends ChildServer {
  /** host:port */
  broker: string;
}

/**
 * A real Kafka of one node on 127.0.0.1, with its data in `dir` (made if missing; kept afterwards). It ends
 * when this process does.
 * @throws AfterlogError JAVA_MISSING, KAFKA_LOCAL_FAILED (with its last lines)
 */
export async function startLocalKafka(options: {
  dir: string;
  port?: number;
  /** One more, such as `SECURE://127.0.0.1:9093`, and the properties that it needs. */
  listener?: { address: string; properties: string };
  onProgress?: (text: string) => void;
}): Promise<LocalKafka> {
  const progress = options.onProgress ?? (() => {});
  const jars = await kafkaJars(progress);
  const dir = resolve(options.dir);
  await mkdir(dir, { recursive: true });
  let controllerPort = 0;
  return await startOnPort<LocalKafka>(options.port, {
    async start(port) {
      controllerPort = await freePort();
      const properties = join(dir, 'server.properties');
      await writeFile(properties, serverProperties(dir, port, controllerPort, options.listener));
      await format(jars, dir, properties);
      progress(`Starting Kafka on 127.0.0.1:${port}`);
      return await startOn(jars, dir, properties, `127.0.0.1:${port}`);
    },
    // The output of Kafka does not mention a port that is in use.
    async mayRetry(port) {
      const lostRace = options.port === undefined && !(await isPortFree(port));
      return lostRace || !(await isPortFree(controllerPort));
    },
    async failure(port, output) {
      const where = (await isPortFree(port)) ? `port ${port}` : `port ${port}, which is in use`;
      return new AfterlogError('KAFKA_LOCAL_FAILED', `Kafka did not start on ${dir}, ${where}:\n${output}`);
    },
  });
}

/** The started broker, or its output if it failed. */
async function startOn(
  jars: string,
  dir: string,
  properties: string,
  broker: string,
): Promise<LocalKafka | string> {
  // In a process group of its own, so that Ctrl-C in the terminal does not reach it: we end it in order.
  const child = spawn('java', [...javaOptions(jars, dir), 'kafka.Kafka', properties], {
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  if (child.pid !== undefined) watch(child.pid, exitOf(child));
  patchKafkaJs();
  const kafka = new Kafka({ brokers: [broker], logLevel: logLevel.NOTHING, retry: { retries: 0 } });
  const outcome = await untilReady(child, {
    answers: () => answers(kafka, broker),
    end: () => child.kill('SIGTERM'),
    start_ms: limits.local_kafka.start_ms,
    stop_ms: limits.local_kafka.stop_ms,
  });
  return typeof outcome === 'string' ? outcome : { ...outcome, broker };
}

/**
 * Ends the broker when this process dies, whatever kills it: a shell reads a pipe that only this process
 * holds, and the kernel closes that pipe. Java itself does not read its stdin, and Linux' parent-death signal
 * does not exist on other systems. When the broker has ended, the shell is killed, so that it never signals
 * another process that got the same pid.
 */
function watch(pid: number, exited: Promise<unknown>): void {
  const script = `while read -r _; do :; done
    kill -TERM "$1" 2>/dev/null; tries=0
    while kill -0 "$1" 2>/dev/null && [ $tries -lt "$2" ]; do sleep 1; tries=$((tries + 1)); done
    kill -KILL "$1" 2>/dev/null`;
  const seconds = String(limits.local_kafka.stop_ms / 1000);
  const watcher = spawn('/bin/sh', ['-c', script, 'afterlog-kafka-watch', String(pid), seconds], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  });
  watcher.on('error', () => {});
  watcher.stdin.on('error', () => {});
  void exited.then(() => watcher.kill('SIGKILL'));
}

async function answers(kafka: Kafka, broker: string): Promise<boolean> {
  const admin = kafka.admin();
  try {
    await admin.connect();
    const { brokers } = await admin.describeCluster();
    return brokers.some(({ host, port }) => `${host}:${port}` === broker);
  } catch {
    return false; // It has not started yet.
  } finally {
    await admin.disconnect().catch(() => {});
  }
}

/** Writes the cluster id into a new data folder; a folder that has one stays as it is. */
async function format(jars: string, dir: string, properties: string): Promise<void> {
  const formatted = await access(join(dir, 'data', 'meta.properties')).then(
    () => true,
    () => false,
  );
  if (formatted) return;
  const tool = ['kafka.tools.StorageTool', 'format', '-t', 'YWZ0ZXJsb2ctbG9jYWwtMQ', '-c', properties];
  const child = spawn('java', [...javaOptions(jars, dir), ...tool], { stdio: ['ignore', 'pipe', 'pipe'] });
  const output = keepLastLines(child);
  const code = await exitOf(child);
  if (code !== 0) {
    throw new AfterlogError('KAFKA_LOCAL_FAILED', `Kafka could not prepare ${dir}:\n${output()}`);
  }
}

/** For a laptop: small heap, few threads, quick start. */
function javaOptions(jars: string, dir: string): string[] {
  return [
    '-Xms64m',
    '-Xmx512m',
    '-XX:+UseSerialGC',
    '-XX:TieredStopAtLevel=1',
    '-Xshare:auto',
    `-Dkafka.logs.dir=${dir}`,
    '-cp',
    join(jars, '*'),
  ];
}

function serverProperties(
  dir: string,
  port: number,
  controllerPort: number,
  listener = { address: '', properties: '' },
): string {
  const own = [`PLAINTEXT://127.0.0.1:${port}`, listener.address].filter(Boolean);
  return `process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:${controllerPort}
listeners=${own.join(',')},CONTROLLER://127.0.0.1:${controllerPort}
advertised.listeners=${own.join(',')}
controller.listener.names=CONTROLLER
log.dirs=${join(dir, 'data')}
num.partitions=4
auto.create.topics.enable=true
log.message.timestamp.type=LogAppendTime
group.initial.rebalance.delay.ms=0
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
offsets.topic.num.partitions=1
offsets.topic.replication.factor=1
transaction.state.log.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
${listener.properties}
`;
}
