/**
 * Measures the cost of signatures, compared with the CPU of the agent that made them and with `zstd -1` of
 * the same files, in the same run: with full batches, and with the smallest ones, of one line.
 *
 *   node bench/signatures.ts [--bytes 256000000] [--sandboxes 64] [--lines 200] [--runs 5]
 *
 * Needs Java and Maven (for the broker) and zstd. The agent signs what it sends; then its own messages are
 * read from the topic, and signed and checked again in this process. The fastest run counts, because other
 * work of the machine can only slow a run down.
 */
import { execFileSync } from 'node:child_process';
import { appendFileSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { batchKeyOf, hostKeyOf, hostKeyText, type MasterKey, newMasterKey } from '../src/config/batch_key.ts';
import { loadSettings } from '../src/config/settings.ts';
import { secretsOf } from '../src/config/signing.ts';
import { createKafka } from '../src/kafka/client.ts';
import { startLocalKafka } from '../src/kafka/local_kafka.ts';
import { TopicReader } from '../src/kafka/topic_reader.ts';
import { checkSignature, type SignedMessage, signatureOf } from '../src/wire/signature.ts';
import { AgentProcess, cpuSeconds, printTable, reached, zstdSeconds } from './process.ts';

const { values } = parseArgs({
  options: {
    bytes: { type: 'string', default: '256000000' },
    sandboxes: { type: 'string', default: '64' },
    lines: { type: 'string', default: '200' },
    runs: { type: 'string', default: '5' },
  },
});
const HOST = 'bench';
const LINE_MS = 120;
const LINE = `[12:04:31] [app] ${'a line of an idle sandbox '.repeat(4)}\n`;

const dir = mkdtempSync(join(tmpdir(), 'afterlog-bench-'));
const data = join(dir, 'data');
const corpus = ['--bytes', values.bytes, '--sandboxes', values.sandboxes];
execFileSync(process.execPath, [join(import.meta.dirname, 'corpus.ts'), data, ...corpus], {
  stdio: 'inherit',
});
const files = readdirSync(join(data, 'vms')).map((id) => join(data, 'vms', id, 'console.log'));
const bytes = files.reduce((sum, file) => sum + statSync(file).size, 0);

const master = batchKeyOf(newMasterKey()) as MasterKey;
const key = hostKeyOf(master, HOST);
const kafka = await startLocalKafka({ dir: join(dir, 'kafka') });
try {
  const agent = new AgentProcess(data, 'http://127.0.0.1:1', [], {
    AFTERLOG_KAFKA_BROKERS: kafka.broker,
    AFTERLOG_KAFKA_BATCH_KEY: hostKeyText(key),
  });
  const sent = async (count: number): Promise<void> =>
    reached('the delivery', async () => {
      const status = await agent.status();
      return status !== null && status.bytes >= count && status.spool_bytes === 0;
    });
  await agent.start();
  await sent(bytes);
  const full = { cpu_s: cpuSeconds(agent.pid), messages: await messagesOf(kafka.broker, 0) };
  const before = cpuSeconds(agent.pid);
  for (let line = 0; line < Number(values.lines); line++) {
    appendFileSync(files[0]!, LINE);
    // Longer than a batch waits for more lines.
    await sleep(LINE_MS);
  }
  await sent(bytes + LINE.length * Number(values.lines));
  const small = {
    cpu_s: cpuSeconds(agent.pid) - before,
    messages: await messagesOf(kafka.broker, full.messages.length),
  };
  await agent.end('SIGTERM');
  const zstd_s = zstdSeconds(1, files);
  printTable([
    [
      '',
      'batches',
      'KB each',
      'agent CPU s',
      'signing s',
      'of the agent',
      'µs each',
      'checking s',
      'of zstd -1',
    ],
    rowOf('full batches', full, zstd_s),
    rowOf('batches of one line', small, null),
  ]);
  console.log(`\n${(bytes / 1e6).toFixed(0)} MB of files; zstd -1 of them takes ${zstd_s.toFixed(2)} s`);
} finally {
  await kafka.stop();
  rmSync(dir, { recursive: true, force: true });
}

/** What the agent sent, without the first `skip` batches. */
async function messagesOf(broker: string, skip: number): Promise<SignedMessage[]> {
  const settings = loadSettings({ kafkaBrokers: broker }, {});
  const { topic } = settings.kafka;
  const reader = await TopicReader.open(createKafka(settings), topic);
  const messages: SignedMessage[] = [];
  for (const { partition, low, high } of await reader.ends()) {
    for await (const { message } of reader.read(partition, low, high)) {
      messages.push({ topic, partition, headers: message.headers, value: message.value });
    }
  }
  await reader.close();
  return messages.slice(skip);
}

function rowOf(
  name: string,
  { cpu_s, messages }: { cpu_s: number; messages: SignedMessage[] },
  zstd_s: number | null,
): (string | number)[] {
  const signing_s = fastest(() => {
    for (const message of messages) signatureOf(key, message);
  });
  const secrets = secretsOf([master]);
  const checking_s = fastest(() => {
    for (const message of messages) {
      if (checkSignature(message, HOST, secrets).state !== 'right') throw new Error('a signature is wrong');
    }
  });
  const sizes = messages.reduce((sum, { value }) => sum + value!.length, 0);
  const percent = (part: number, whole: number): string => `${((part / whole) * 100).toFixed(2)} %`;
  return [
    ...[name, messages.length, (sizes / messages.length / 1000).toFixed(1), cpu_s.toFixed(2)],
    ...[signing_s.toFixed(4), percent(signing_s, cpu_s), ((signing_s / messages.length) * 1e6).toFixed(1)],
    ...[checking_s.toFixed(4), zstd_s === null ? '' : percent(checking_s, zstd_s)],
  ];
}

/** CPU-seconds of the fastest of some runs. */
function fastest(work: () => void): number {
  let best = Number.POSITIVE_INFINITY;
  for (let run = 0; run < Number(values.runs); run++) {
    const from = process.cpuUsage();
    work();
    const { user, system } = process.cpuUsage(from);
    best = Math.min(best, (user + system) / 1e6);
  }
  return best;
}
