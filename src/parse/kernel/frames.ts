import { seeks } from './crash_rule.ts';
import { isAllocator, isBoundary, isHelper, isHelperAtFault, isSleeper, isTick } from './shared_functions.ts';

/** Without what a compiler adds behind a dot: `.isra.0`, `.cold`. */
const NAME = '([A-Za-z_$][\\w$]*)(?:\\.[\\w.]*)?';
/** ` f+0x1/0x2`, ` [<addr>] f+0x1/0x2`, `[<addr>] (f) from`, ` f from g+0x1/0x2`; a `?` says that it may be a remnant. */
const frames: readonly RegExp[] = [
  new RegExp(
    `^\\s*\\(?(?:\\[<?(?:0x)?[0-9a-f]{8,16}>?\\] ?){0,2}(\\? )?[.(]{0,2}${NAME}\\+0x[0-9a-f]+/0x[0-9a-f]+`,
  ),
  new RegExp(`^\\s*\\[<[0-9a-f]{8,16}>\\] (\\? )?\\(${NAME}\\) from \\[<[0-9a-f]+>\\] \\(${NAME}`),
  new RegExp(`^\\s*()${NAME} from ${NAME}\\+0x`),
];
/** `RIP: 0010:f+0x1/0x2`, `EIP: f+`, `IP: [<addr>] f+`, `PC is at f+`, `pc : f+`, `epc : f+`, `NIP [addr] f+` */
const pointer = new RegExp(
  `^(?:RIP|EIP|IP|PC|pc|epc|NIP)(?: is at|\\s*:)?\\s*(?:[0-9a-f]{4}:)?\\s*(?:\\[?<?[0-9a-f]{8,16}>?\\]?\\s*){0,2}[.(]?${NAME}\\+0x`,
);
const place = new RegExp(`(?:\\bat:? |caller is )(?:\\[<[0-9a-f]+>\\] )?${NAME}\\+0x`);
const access = /^(Read|Write) (?:of size \d+ )?(?:at|by|of size)/;

/** The name without what a compiler adds, and that of a syscall without its wrapper. */
export function plainName(name: string): string {
  // The kernel names compiled BPF programs by their sum.
  const short = name
    .replace(/^bpf_prog_[0-9a-f]{16}.*/, 'bpf_prog_ADDR')
    .replace(/\..*/, '')
    .replace(
      /^(?:__x64_|__ia32_|__arm64_|__riscv_|__s390x?_|__se_|__do_|compat_|C_SYSC_|SyS_|SYSC_|ksys_)+/,
      '',
    );
  return short.replace(/^(smp_call_function|synchronize_rcu)_.*/, '$1');
}

/** What a line below a headline brings. */
export interface Clue {
  function: string;
  access: string;
  candidate: string;
  /** What the title names as long as nothing better is clue. */
  fallback: string;
}

/** As a candidate: the next frame is where preemption was disabled, not of the trace. */
const SKIP = '-';
/** As a candidate: the lock was taken on behalf of others, whom only the trace of this task tells. */
const BACKTRACE = '|';
/** … and here it is. */
const TRACE = '||';
const traceStart = /^\s*(?:Call [Tt]race:|Backtrace:|stack backtrace:)/;
/** `Workqueue: events_unbound flush_to_ldisc`: the worker's function. */
const worker = new RegExp(`^Workqueue: \\S+ ${NAME}`);

/** Looks into the line for what `wanted` needs. */
export function seek(text: string, wanted: number, candidate: string): Clue {
  const clue = { function: '', access: '', candidate, fallback: '' };
  search(text, wanted, candidate, clue);
  return clue;
}

function search(text: string, wanted: number, candidate: string, clue: Clue): void {
  if ((wanted & seeks.access) !== 0) clue.access = access.exec(text)?.[1] ?? '';
  if (candidate === BACKTRACE) {
    if (traceStart.test(text)) clue.candidate = TRACE;
    return;
  }
  if ((wanted & seeks.place) !== 0 && candidate !== TRACE) {
    const name = place.exec(text)?.[1];
    if (name !== undefined) {
      if (isHelper(name)) clue.candidate = BACKTRACE;
      else clue.function = name;
    }
  }
  if ((wanted & seeks.pointer) !== 0) {
    const name = pointer.exec(text)?.[1];
    if (name !== undefined) {
      if (isHelperAtFault(name)) clue.fallback = name;
      else clue.function = name;
    }
  }
  if (clue.function !== '') return;
  if ((wanted & seeks.outermost) !== 0) stalled(text, clue);
  else if ((wanted & (seeks.frame | seeks.sleeper | seeks.owner)) !== 0 || candidate === TRACE) {
    if (text.endsWith('isabled at:')) clue.candidate = SKIP;
    const name = frameOf(text);
    if (name === '') return;
    if (candidate === SKIP) {
      clue.candidate = '';
      return;
    }
    if ((wanted & seeks.pointer) !== 0 ? isHelperAtFault(name) : isHelper(name)) return;
    if ((wanted & seeks.sleeper) !== 0 && isSleeper(name)) return;
    if ((wanted & seeks.owner) !== 0 && isAllocator(name)) return;
    clue.function = name;
  }
}

/** Who calls the function of the last frame, where the frame says it (arm). */
let caller = '';

/** The function of a frame, or nothing; remnants on the stack are none. */
function frameOf(text: string): string {
  for (const form of frames) {
    const match = form.exec(text);
    if (match === null) continue;
    caller = match[3] ?? '';
    return match[1] || text.endsWith('(unreliable)') ? '' : match[2]!;
  }
  caller = '';
  return '';
}

function stalled(text: string, clue: Clue): void {
  if (/^ ?(?:Call [Tt]race:|NMI backtrace|Backtrace:)|<\/IRQ>|<EOI>/.test(text)) {
    clue.candidate = '';
    return;
  }
  const at = pointer.exec(text)?.[1] ?? worker.exec(text)?.[1] ?? '';
  if (at !== '' && !isTick(at) && !isBoundary(at)) clue.fallback = at;
  const name = frameOf(text) || at;
  if (name === '') return;
  if (name.startsWith('smp_call_function')) {
    clue.function = name;
    return;
  }
  // The kernel's own thread, that waits for the one that hangs.
  if (/^rcu_\w*gp_kthread|^rcu_gp_fqs/.test(name)) {
    clue.candidate = '';
    return;
  }
  if (isBoundary(name)) {
    clue.function = clue.candidate || (name.endsWith('compat_ioctl') ? name : '');
    return;
  }
  if (!isTick(name)) clue.candidate = name;
  if (caller !== '' && isBoundary(caller) && !isTick(caller)) clue.function = clue.candidate;
}
