import { seeks } from './crash_rule.ts';
import { isAllocator, isBoundary, isShared, isSharedAtFault, isSleeper, isTick } from './shared_functions.ts';

/** A function, without the suffixes that a compiler adds after a dot: `.isra.0`, `.cold`. */
const NAME = '([A-Za-z_$][\\w$]*)(?:\\.[\\w.]*)?';
/**
 * ` f+0x1/0x2`, ` [<addr>] f+0x1/0x2`, `[<addr>] (f) from`, ` f from g+0x1/0x2`. A `?` marks a possible
 * remnant on the stack.
 */
const frames: readonly RegExp[] = [
  new RegExp(
    `^\\s*\\(?(?:\\[<?(?:0x)?[0-9a-f]{8,16}>?\\] ?){0,2}(\\? )?[.(]{0,2}${NAME}\\+0x[0-9a-f]+/0x[0-9a-f]+`,
  ),
  new RegExp(`^\\s*\\[<[0-9a-f]{8,16}>\\] (\\? )?\\(${NAME}\\) from \\[<[0-9a-f]+>\\] \\(${NAME}`),
  new RegExp(`^\\s*()${NAME} from ${NAME}\\+0x`),
];
/**
 * `RIP: 0010:f+0x1/0x2`, `EIP: f+`, `IP: [<addr>] f+`, `PC is at f+`, `pc : f+`, `epc : f+`, `NIP [addr] f+`
 */
const pointer = new RegExp(
  `^(?:RIP|EIP|IP|PC|pc|epc|NIP)(?: is at|\\s*:)?\\s*(?:[0-9a-f]{4}:)?\\s*(?:\\[?<?[0-9a-f]{8,16}>?\\]?\\s*){0,2}[.(]?${NAME}\\+0x`,
);
const place = new RegExp(`(?:\\bat:? |caller is )(?:\\[<[0-9a-f]+>\\] )?${NAME}\\+0x`);
const access = /^(Read|Write) (?:of size \d+ )?(?:at|by|of size)/;

/** The name without the suffixes of a compiler, and a syscall without its wrapper. */
export function plainName(name: string): string {
  // The kernel names a compiled BPF program by its checksum.
  const short = name
    .replace(/^bpf_prog_[0-9a-f]{16}.*/, 'bpf_prog_ADDR')
    .replace(/\..*/, '')
    .replace(
      /^(?:__x64_|__ia32_|__arm64_|__riscv_|__s390x?_|__se_|__do_|compat_|C_SYSC_|SyS_|SYSC_|ksys_)+/,
      '',
    );
  return short.replace(/^(smp_call_function|synchronize_rcu)_.*/, '$1');
}

/** The facts that one line below a headline adds to a crash; empty texts if none. */
export interface Clue {
  function: string;
  access: string;
  /** State for the next line: one of the signs below, or of a hang the outermost function so far. */
  candidate: string;
  /** The function for the title until a better one is found. */
  fallback: string;
}

/** As a candidate: the next frame shows where preemption was disabled, and does not belong to the trace. */
const SKIP = '-';
/** As a candidate: a shared function took the lock, so only the trace of this task shows who called it. */
const BACKTRACE = '|';
/** As a candidate: that trace has begun. */
const TRACE = '||';
const traceStart = /^\s*(?:Call [Tt]race:|Backtrace:|stack backtrace:)/;
/** `Workqueue: events_unbound flush_to_ldisc`: the function of the worker. */
const worker = new RegExp(`^Workqueue: \\S+ ${NAME}`);

/** Searches the line for the parts of `wanted`, a mask of `seeks`. */
export function seek(text: string, wanted: number, candidate: string): Clue {
  const clue = { function: '', access: '', candidate, fallback: '' };
  if ((wanted & seeks.access) !== 0) clue.access = access.exec(text)?.[1] ?? '';
  if (candidate === BACKTRACE) {
    if (traceStart.test(text)) clue.candidate = TRACE;
    return clue;
  }
  if ((wanted & seeks.place) !== 0 && candidate !== TRACE) {
    const name = place.exec(text)?.[1];
    if (name !== undefined) {
      if (isShared(name)) clue.candidate = BACKTRACE;
      else clue.function = name;
    }
  }
  if ((wanted & seeks.pointer) !== 0) {
    const name = pointer.exec(text)?.[1];
    if (name !== undefined) {
      if (isSharedAtFault(name)) clue.fallback = name;
      else clue.function = name;
    }
  }
  if (clue.function !== '') return clue;
  if ((wanted & seeks.outermost) !== 0) seekOutermost(text, clue);
  else if ((wanted & (seeks.frame | seeks.sleeper | seeks.owner)) !== 0 || candidate === TRACE) {
    if (text.endsWith('isabled at:')) clue.candidate = SKIP;
    const { name } = frameOf(text);
    if (name === '') return clue;
    if (candidate === SKIP) clue.candidate = '';
    else if (isCulprit(name, wanted)) clue.function = name;
  }
  return clue;
}

function isCulprit(name: string, wanted: number): boolean {
  if ((wanted & seeks.pointer) !== 0 ? isSharedAtFault(name) : isShared(name)) return false;
  if ((wanted & seeks.sleeper) !== 0 && isSleeper(name)) return false;
  return (wanted & seeks.owner) === 0 || !isAllocator(name);
}

interface Frame {
  /** Empty if the line is no frame, or a remnant on the stack. */
  name: string;
  /** The function that called it, where the frame names it (arm). */
  caller: string;
}

function frameOf(text: string): Frame {
  for (const form of frames) {
    const match = form.exec(text);
    if (match === null) continue;
    const isRemnant = match[1] || text.endsWith('(unreliable)');
    return { name: isRemnant ? '' : match[2]!, caller: match[3] ?? '' };
  }
  return { name: '', caller: '' };
}

/**
 * The innermost frame of a hang is random, so this seeks the outermost one below a boundary of the kernel.
 */
function seekOutermost(text: string, clue: Clue): void {
  if (/^ ?(?:Call [Tt]race:|NMI backtrace|Backtrace:)|<\/IRQ>|<EOI>/.test(text)) {
    clue.candidate = '';
    return;
  }
  const at = pointer.exec(text)?.[1] ?? worker.exec(text)?.[1] ?? '';
  if (at !== '' && !isTick(at) && !isBoundary(at)) clue.fallback = at;
  const frame = frameOf(text);
  const name = frame.name || at;
  if (name === '') return;
  if (name.startsWith('smp_call_function')) {
    clue.function = name;
    return;
  }
  // A thread of the kernel, which waits for the thread that hangs.
  if (/^rcu_\w*gp_kthread|^rcu_gp_fqs/.test(name)) {
    clue.candidate = '';
    return;
  }
  if (isBoundary(name)) {
    clue.function = clue.candidate || (name.endsWith('compat_ioctl') ? name : '');
    return;
  }
  if (!isTick(name)) clue.candidate = name;
  const { caller } = frame;
  if (caller !== '' && isBoundary(caller) && !isTick(caller)) clue.function = clue.candidate;
}
