import { join } from 'node:path';
import { report, Trouble, unwritable } from '../base/faults.ts';
import { limits } from '../base/limits.ts';
import type { HostKey } from '../config/batch_key.ts';
import { readPem } from '../config/pem_file.ts';
import { redactedKinds } from '../config/schema.ts';
import type { Settings } from '../config/settings.ts';
import { agentKey } from '../config/signing.ts';
import { type Destination, Sender } from '../deliver/sender.ts';
import { setAsideIn } from '../deliver/set_aside.ts';
import { Labels } from '../labels/labels.ts';
import { Runtime } from '../labels/runtime.ts';
import { mend } from '../mend/mend.ts';
import { setReadyTexts } from '../parse/mark/ready.ts';
import { kinds } from '../redact/kinds.ts';
import { Redactor } from '../redact/redactor.ts';
import { lockDir } from '../spool/lock.ts';
import { withReserve } from '../spool/reserve.ts';
import { Spool } from '../spool/spool.ts';
import { layoutOf } from '../tail/layout.ts';
import { Pins } from '../tail/pins.ts';
import { Tailer } from '../tail/tailer.ts';
import { type FlushedLog, flushSandbox } from './flush.ts';
import { Pipeline } from './pipeline.ts';
import { type AgentStatus, statusOf } from './status.ts';

export interface Agent {
  status(): AgentStatus;
  /**
   * Resolves when every byte that the sandbox's logs hold now is safe: read, and durable in the spool. A
   * runtime calls this before it deletes or wakes a sandbox.
   * @throws AfterlogError FLUSH_UNKNOWN, FLUSH_LATE
   */
  flush(sandbox: string): Promise<FlushedLog[]>;
  readonly reloads: readonly string[];
  /** From now on, secrets are hidden as these settings say. Lines that were read before stay as they are. */
  reload(next: Settings): object;
  /** Ends in order: all rows become durable, and are delivered if `stop_ms` allows it. */
  stop(): Promise<void>;
}

/**
 * The host's agent: tail → rows → batch → spool → deliver. It delivers to Kafka if brokers are set, else
 * directly to ClickHouse.
 * @throws AfterlogError SETTING_INVALID, DATA_DIR_MISSING, DATA_DIR_LOCKED, STATE_DIR_LOCKED,
 *   STATE_DIR_UNUSABLE, SPOOL_FORMAT, DISK_FULL
 */
export async function startAgent(settings: Settings): Promise<Agent> {
  setReadyTexts(settings.ready);
  // In direct mode nothing is signed: ClickHouse knows this host by its login.
  const key = settings.kafka.brokers.length > 0 ? agentKey(settings) : null;
  const runtime = runtimeOf(settings);
  const dataDirState = join(settings.data_dir, '.afterlog');
  // The data dir's lock first: if both are held, the error about the data dir helps more.
  const dirs = new Set([dataDirState, settings.state_dir]);
  const pinsDir = join(dataDirState, 'pins');
  Tailer.requireDataDir(settings.data_dir);
  const unlocks: (() => void)[] = [];
  let spool: Spool;
  try {
    for (const dir of dirs) {
      const locked = dir === dataDirState ? 'DATA_DIR_LOCKED' : 'STATE_DIR_LOCKED';
      unlocks.push(withReserve(join(settings.state_dir, 'spool'), () => lockDir(dir, locked)));
    }
    spool = new Spool(join(settings.state_dir, 'spool'));
  } catch (error) {
    for (const unlock of unlocks) unlock();
    throw error;
  }
  const pins = new Pins(pinsDir, settings.pins);
  const labels = new Labels(layoutOf(settings.data_dir, settings.layout).open, runtime);
  const pipeline = new Pipeline(
    settings.host,
    spool,
    {
      paused: (isPaused) => (isPaused ? tailer.pause() : tailer.resume()),
      release: (pin) => pins.release(pin),
      freed: () => tailer.readHeldBack(),
    },
    labels,
    redactorOf(settings, null),
  );
  const tailer = new Tailer(settings.data_dir, settings.layout, pins, pipeline);
  const destination = await destinationOf(settings, key, spool);
  const mending = new Trouble('The damage in the spool is mended.');
  const mendSpool = (): void => {
    // Rows that are read already come after the mended ones.
    if (spool.broken.size === 0 || !pipeline.flush()) return;
    try {
      const last = { host: settings.host, ...pipeline.last };
      mend(spool, pins.list(), last, (states) => tailer.correct(states), pipeline.redactor);
      mending.ends();
      pipeline.makeDurable();
    } catch (error) {
      // The sender waits for it, and tries again.
      mending.begins(unwritable('The damage in the spool cannot be mended now', error));
    }
  };
  const sender = new Sender(spool, destination, {
    arrived: () => pipeline.arrived(),
    damaged: mendSpool,
  });
  mendSpool();
  tailer.start([...spool.states.values()]);
  sender.start();
  return {
    status: () => statusOf({ tailer, pins, pipeline, spool, sender, destination, labels }),
    flush: (sandbox) => flushSandbox(tailer, pipeline, sandbox),
    reloads: ['redact', 'redact_patterns'],
    reload: (next) => {
      pipeline.redactWith(redactorOf(next, pipeline.redactor));
      return {};
    },
    async stop(): Promise<void> {
      tailer.stop();
      labels.stop();
      await pipeline.close();
      await sender.stop(limits.agent.stop_ms);
      await spool
        .close()
        .catch((error: unknown) => report(unwritable('The spool did not end in order', error)));
      for (const unlock of unlocks) unlock();
    },
  };
}

/** Null if nothing is to be redacted: then it costs nothing. Counts go on from those of the one before. */
function redactorOf({ redact, redact_patterns }: Settings, before: Redactor | null): Redactor | null {
  const wanted = redactedKinds(redact);
  if (wanted.length + redact_patterns.length === 0) return null;
  const made = new Redactor(wanted, redact_patterns);
  for (const kind of kinds) {
    const count = before?.counts[kind];
    if (count !== undefined && made.counts[kind] !== undefined) made.counts[kind] = count;
  }
  return made;
}

/** Loads only the client that this host needs. */
function runtimeOf({ runtime_url, runtime_token, runtime_tls_ca_file: path }: Settings): Runtime | null {
  const ca = path === undefined ? path : readPem('runtime_tls_ca_file', path, 'CERTIFICATE');
  return runtime_url === undefined ? null : new Runtime(runtime_url, runtime_token, ca);
}

async function destinationOf(settings: Settings, key: HostKey | null, spool: Spool): Promise<Destination> {
  const setAside = setAsideIn(join(settings.state_dir, 'refused'));
  if (settings.kafka.brokers.length > 0) {
    const { createKafka } = await import('../kafka/client.ts');
    const { kafkaDestination } = await import('../deliver/kafka.ts');
    const { topic } = settings.kafka;
    return kafkaDestination({
      kafka: createKafka(settings),
      topic,
      host: settings.host,
      bindings: spool.cursor,
      key,
      setAside,
    });
  }
  const { connect } = await import('../store/client.ts');
  const { directDestination } = await import('../deliver/direct.ts');
  return directDestination(connect(settings), settings.clickhouse.database, settings.host, setAside);
}
