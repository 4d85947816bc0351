import { type DemoProgram, greeting, nextPieces, programs } from './app_output.ts';
import { failedBoot } from './failed_boots.ts';
import { stamp } from './lines.ts';
import type { Random } from './random.ts';
import { asOf, bootOf, type RecordedLine, recording } from './recordings.ts';

/** One action of a runtime or its guest. */
export type Step =
  | { do: 'wait'; ms: number }
  | { do: 'console'; bytes: Buffer }
  | { do: 'vmm'; text: string }
  | { do: 'event'; type: string; payload: Record<string, unknown> }
  | { do: 'copy_truncate' }
  | { do: 'wake' }
  /** The guest died, or did not boot; `reason` as the runtime reports it. */
  | { do: 'failed'; reason: string };

/** The plan for one sandbox, drawn before it starts. */
export interface Plan {
  id: string;
  /**
   * `app`: boots and works; `fork`: a warm fork, without a boot and with a short life; else the name of a
   * recording.
   */
  scenario: string;
  program: DemoProgram;
  /** Time between start and deletion in ms, for `app` and `fork`. */
  life_ms: number;
  /** Mean pause between two pieces of the program's output in ms. */
  beat_ms: number;
  hibernates: boolean;
  copy_truncates: boolean;
  /** The label. */
  template: string;
  workspace: string;
}

/**
 * Recordings and failed boots in which the guest dies or its boot never ends, with the reason that the
 * runtime reports.
 */
const fatal: Record<string, string> = {
  'no-rdinit': 'guest panicked',
  'ext4-mountfail': 'guest powered off',
  'hung-boot': 'boot timed out',
  'panic1-reboot': 'guest panicked',
  'panic-midline': 'guest panicked',
  'oopspanic-null': 'guest panicked',
  'no-init': 'guest panicked',
  'oom-boot': 'boot timed out',
  'lockup-boot': 'boot timed out',
};
/** Recordings of guests that survive their problem or stop cleanly. */
const odd = [
  'crash-loop-python',
  'crash-loop-go',
  'crash-loop-sh',
  'oom-loop',
  'io-error',
  'soft-lockup',
  'restart-truncate',
] as const;
const boots = ['ok-boot', 'restart-truncate'] as const;

const templates: Record<DemoProgram, string> = {
  web: 'node-22',
  api: 'node-22',
  worker: 'python-3.12',
  vite: 'vite',
  train: 'python-gpu',
};
/** Boots that fail before init have a custom image. */
const templateOf = (scenario: string, program: DemoProgram): string =>
  ['no-rdinit', 'ext4-mountfail', 'no-init'].includes(scenario) ? 'own-image' : templates[program];
const workspaces = ['acme', 'globex', 'initech'] as const;

/**
 * Pause without writes before a truncation; a real runtime needs seconds. The agent reads the last bytes in
 * it.
 */
const silence_ms_min = 1_000;

/** @param beat_ms the fleet's mean pause between two pieces of output of one sandbox */
export function drawPlan(random: Random, beat_ms: number): Plan {
  const share = random.next();
  const length = random.next();
  const plan = {
    id: `sb-${random.hex(12)}`,
    scenario:
      share < 0.5
        ? 'app'
        : share < 0.72
          ? 'fork'
          : share < 0.86
            ? random.pick(Object.keys(fatal))
            : share < 0.985
              ? random.pick(odd)
              : 'bin-garbage',
    program: random.pick(programs),
    // A few live long enough for people to follow their log.
    life_ms:
      share >= 0.5
        ? random.int(1_000, 6_000)
        : length < 0.03
          ? random.int(90_000, 240_000)
          : random.int(5_000, length < 0.25 ? 60_000 : 25_000),
    beat_ms: beat_ms * (0.4 + random.next() * 1.2),
    hibernates: random.chance(0.3),
    copy_truncates: random.chance(0.2),
  };
  const { scenario, program } = plan;
  return { ...plan, template: templateOf(scenario, program), workspace: random.pick(workspaces) };
}

/** All steps of a sandbox before its deletion. `clock` is the guest's clock, ms since 1970. */
export function* play(plan: Plan, random: Random, clock: () => number): Generator<Step> {
  const { id, scenario } = plan;
  yield vmm(clock, `[${id}:main] Running Firecracker v1.10.1`);
  if (scenario === 'fork') {
    yield* warmFork(plan, random, clock);
    return;
  }
  yield vmm(clock, `[${id}:main] Successfully started microvm that was configured from one single json`);
  if (scenario === 'app') {
    yield* replay(bootOf(recording(random.pick(boots))), plan, random, clock);
    yield* ready(random);
    yield* work(plan, random, clock);
    return;
  }
  yield* replay(failedBoot(scenario) ?? recording(scenario), plan, random, clock);
  const reason = fatal[scenario];
  if (reason !== undefined) {
    yield wait(scenario === 'hung-boot' ? 4_000 : 200);
    yield vmm(clock, `[${id}:fc_vcpu 0] Vmm is stopping.`);
    yield { do: 'event', type: 'vm.died', payload: { reason, exit_code: 0 } };
    yield { do: 'failed', reason };
  }
  yield wait(random.int(500, 3_000));
}

/** Writes a recording like a serial port: in pieces that do not end at line ends. */
function* replay(lines: RecordedLine[], plan: Plan, random: Random, clock: () => number): Generator<Step> {
  let pending = '';
  let pause_ms = 0;
  for (const line of lines) {
    pause_ms += line.after_ms;
    if (pause_ms >= 15) {
      yield* pieces(pending, random);
      yield wait(pause_ms);
      pending = '';
      pause_ms = 0;
    }
    pending += asOf(line.text, plan.id, clock());
    // The runtime learns from the guest's agent that the sandbox runs, so its events follow the agent's line.
    if (plan.scenario !== 'app' && /\[agent\] sandbox\.running/.test(line.text)) yield* ready(random);
  }
  yield* pieces(pending, random);
}

function* pieces(text: string, random: Random): Generator<Step> {
  for (let at = 0; at < text.length; ) {
    const next = at + random.int(16, 2_000);
    yield { do: 'console', bytes: Buffer.from(text.slice(at, next), 'latin1') };
    at = next;
  }
}

function* ready(random: Random): Generator<Step> {
  const guest_ip = `172.20.${random.int(0, 255)}.${random.int(2, 254)}`;
  yield { do: 'event', type: 'sandbox.running', payload: { guest_ip, boot_ms: random.int(300, 3_000) } };
  yield { do: 'event', type: 'sandbox.ssh_ready', payload: { port: 22 } };
}

function* warmFork(plan: Plan, random: Random, clock: () => number): Generator<Step> {
  const guest_ip = `172.20.${random.int(0, 255)}.${random.int(2, 254)}`;
  yield say(`pandastack-init: applied identity via=vsock ip=${guest_ip} id=${plan.id}\r\n`);
  yield say(
    `${stamp(clock())} [agent] sandbox.running tap=tap${random.int(0, 999)} guest_ip=${guest_ip}\r\n`,
  );
  yield* ready(random);
  if (random.chance(0.08)) {
    yield wait(random.int(1_000, 2_000));
    const reason = 'vsock handshake timed out';
    yield { do: 'event', type: 'fork.child_failed', payload: { reason } };
    yield { do: 'failed', reason };
    return;
  }
  yield* run(plan, random, clock, plan.life_ms);
}

/** The output of the running program, for some sandboxes with a hibernation in between. */
function* work(plan: Plan, random: Random, clock: () => number): Generator<Step> {
  yield* run(plan, random, clock, plan.life_ms / 2);
  if (plan.copy_truncates) {
    yield wait(silence_ms_min);
    yield { do: 'copy_truncate' };
  }
  if (plan.hibernates) {
    yield { do: 'event', type: 'sandbox.hibernated', payload: { snapshot: `${plan.id}/hibernate.snap` } };
    yield wait(silence_ms_min + random.int(0, 3_000));
    yield { do: 'wake' };
    yield { do: 'event', type: 'sandbox.woken', payload: { restore_ms: random.int(40, 400) } };
    yield say(`${stamp(clock())} [agent] clock corrected by ${random.int(1, 900)} s after resume\r\n`);
  }
  yield* run(plan, random, clock, plan.life_ms / 2);
  if (random.chance(0.7)) yield say(`${stamp(clock())} [agent] sandbox.stopped reason=exit\r\n`);
}

function* run(plan: Plan, random: Random, clock: () => number, for_ms: number): Generator<Step> {
  for (const text of greeting(plan.program, random, clock())) yield say(text);
  for (let left_ms = for_ms; left_ms > 0; ) {
    for (const piece of nextPieces(plan.program, random, clock())) {
      yield say(piece.text);
      if (piece.beats === 0) continue;
      const pause_ms = plan.beat_ms * piece.beats * (0.3 + random.next() * 1.4);
      yield wait(pause_ms);
      left_ms -= pause_ms;
    }
  }
}

const wait = (ms: number): Step => ({ do: 'wait', ms: Math.round(ms) });
const say = (text: string): Step => ({ do: 'console', bytes: Buffer.from(text) });
const vmm = (clock: () => number, text: string): Step => {
  const at = new Date(clock()).toISOString().slice(0, 23);
  return { do: 'vmm', text: `${at}000000 ${text}\n` };
};
