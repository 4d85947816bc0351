import { type ChildProcess, spawn } from 'node:child_process';
import { access, mkdir, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Kafka, logLevel } from 'kafkajs';
import { exitOf, freePort, isPortFree, keepLastLines, settlesWithin } from '../base/child_process.ts';
import { AfterlogError } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import { kafkaJars } from './kafka_jars.ts';
import { patchKafkaJs } from './patches.ts';

export interface LocalKafka {
  /** host:port */
  broker: string;
  pid: number;
  /** SIGTERM; after a bound SIGKILL. */
  stop(): Promise<void>;
  /** SIGKILL, now. */
  kill(): void;
  exited: Promise<number | null>;
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
  const say = options.onProgress ?? (() => {});
  const jars = await kafkaJars(say);
  const dir = resolve(options.dir);
  await mkdir(dir, { recursive: true });
  for (let tries = 1; ; tries++) {
    const port = options.port ?? (await freePort());
    const controllerPort = await freePort();
    const properties = join(dir, 'server.properties');
    await writeFile(properties, serverProperties(dir, port, controllerPort, options.listener));
    await format(jars, dir, properties);
    say(`Starting Kafka on 127.0.0.1:${port}`);
    const outcome = await startOn(jars, dir, properties, `127.0.0.1:${port}`);
    if (typeof outcome !== 'string') return outcome;
    // It says nothing of a port that is taken.
    const isTaken = !(await isPortFree(port));
    const lostRace = (options.port === undefined && isTaken) || !(await isPortFree(controllerPort));
    if (lostRace && tries < limits.server.free_port_tries) continue;
    const what = isTaken ? `port ${port}, which is taken` : `port ${port}`;
    throw new AfterlogError('KAFKA_LOCAL_FAILED', `Kafka did not start on ${dir}, ${what}:\n${outcome}`);
  }
}

/** The started broker, or what it printed before it ended. */
async function startOn(
  jars: string,
  dir: string,
  properties: string,
  broker: string,
): Promise<LocalKafka | string> {
  // A group of its own, so that Ctrl-C in the terminal does not reach it: whoever started it ends it in order.
  const child = spawn('java', [...javaOptions(jars, dir), 'kafka.Kafka', properties], {
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  const output = keepLastLines(child);
  const exited = exitOf(child);
  if (child.pid !== undefined) watch(child.pid, exited);
  const started = new AbortController();
  const ready = await Promise.race([
    answers(broker, started.signal),
    exited.then(() => false),
    sleep(limits.local_kafka.start_ms, false, { signal: started.signal }).catch(() => false),
  ]);
  started.abort();
  if (!ready || hasEnded(child)) {
    const ended = hasEnded(child);
    child.kill('SIGKILL');
    await exited;
    return output() || (ended ? 'it ended without a word' : `no answer in ${limits.local_kafka.start_ms} ms`);
  }
  return {
    broker,
    pid: child.pid!,
    exited,
    kill: () => void child.kill('SIGKILL'),
    stop: async () => {
      child.kill('SIGTERM');
      if (await settlesWithin(exited, limits.local_kafka.stop_ms)) return;
      child.kill('SIGKILL');
      await exited;
    },
  };
}

const hasEnded = (child: ChildProcess): boolean =>
  child.exitCode !== null || child.signalCode !== null || child.pid === undefined;

/**
 * Ends the broker when this process dies, whatever kills it: a shell reads a pipe that only this process
 * holds, and the kernel closes that pipe. Java itself does not look at its stdin, and Linux' parent-death
 * signal does not exist elsewhere. Once the broker has ended, the shell goes first, so that it never signals
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

async function answers(broker: string, signal: AbortSignal): Promise<boolean> {
  patchKafkaJs();
  const kafka = new Kafka({ brokers: [broker], logLevel: logLevel.NOTHING, retry: { retries: 0 } });
  while (!signal.aborted) {
    const admin = kafka.admin();
    try {
      await admin.connect();
      const { brokers } = await admin.describeCluster();
      if (brokers.some(({ host, port }) => `${host}:${port}` === broker)) return true;
    } catch {
      // Not up yet.
    } finally {
      await admin.disconnect().catch(() => {});
    }
    await sleep(limits.server.start_poll_ms);
  }
  return false;
}

/** Writes the cluster id into a fresh data folder; a folder that has one stays as it is. */
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
