import { byteClass, byteClasses, bytes, indexOf, isDigit, startsWith, startsWithAny } from '../line/bytes.ts';
import { modes, type OpenEntry } from '../line/entry.ts';
import { HEADLINE_BYTES_MAX, headlineSeverity, isRule } from './headlines.ts';

const {
  COLON,
  DIGIT_0,
  EQUALS,
  LBRACKET,
  LOWER_A,
  LOWER_F,
  LOWER_X,
  PLUS,
  QUESTION,
  RBRACKET,
  SPACE,
  TAB,
  UNDERSCORE,
} = bytes;
const { LOWER, UPPER } = byteClasses;

/** Texts that are separated by bars. */
const texts = (list: string): Buffer[] => list.split('|').map((text) => Buffer.from(text));
const ended = texts('---[ end trace|---[ end Kernel panic|Rebooting in ');
const endedOom = texts(
  'Killed process|Memory cgroup out of memory: Kill|Out of memory: Kill|' +
    'Memory cgroup out of memory: Killed',
);
/** Lines that still belong to a report after its end marker. */
const afterEnd = texts(
  'Kernel panic - not syncing|Kernel Offset:|Rebooting in |---[ end |Killed process|oom_reaper:|RIP:|' +
    'RSP:|EIP:|CR2:|Code:|RAX:|RBX:|RCX:|RDX:|RSI:|RDI:|RBP:|R08:|R10:|R13:|EAX:|ESI:|EFLAGS:|FS:|CS:|' +
    'DS:|DR|PKRU:|Dumping ftrace|(ftrace buffer empty)|note: |Shutting down cpus',
);
const panic = Buffer.from('Kernel panic - not syncing');

/** The lines of a report's body. After its call trace has begun, any other line ends the report. */
const body = texts(
  'Call Trace|Call trace|CPU:|CPU |RIP|RSP|EIP|ESP|EAX|ESI|EBX|ECX|RAX|RDX|RBP|RBX|RDI|RCX|RSI|R0|R1|' +
    'CR0|CR2|CR3|FS:|CS:|DS:|ES:|GS:|SS:|DR0|DR3|DR6|PKRU|Code:|EFLAGS|ORIG_RAX|Modules linked|' +
    'Hardware name|Workqueue:|Stack:|---[|[<|</|<|#|pc :|lr :|sp :|x|task:|Sending NMI|NMI backtrace|' +
    'Kernel|kernel|Rebooting|Dumping|Shutting down|====|----|INFO: lockdep|irq event|hardirqs last|' +
    'softirqs last|stack backtrace|Allocated by|Freed by|Last potentially|Second to last|The buggy|' +
    'Memory state|which belongs|page:|flags:|raw:|page dumped|page_owner|Object|Local variable|' +
    'Uninit was|>|Task in |Mem-Info|Mem-info|Node |Tasks state|lowmem_reserve|Exception|' +
    'RIP;|PC is at|LR is at|Process|Backtrace|general protection|Oops|Fixing recursive|' +
    'WARNING: kernel stack|ret_from|irq_|CR4|TASK|(|Showing|Tainted|BUG: |pid |head: |memcg:|Disabling lock|Bytes b4|Padding|Redzone|addr |' +
    'this frame|ip:|value changed|Reported by|other info|Possible unsafe|stack |Preemption disabled|' +
    'in_atomic|preempt_count|locks held|rcu:|unreferenced object|comm "|hex dump|backtrace:|' +
    'Register r|DEBUG_LOCKS',
);

const callTrace = Buffer.from('Call Trace');
const callTraceArm = Buffer.from('Call trace');
const killed = Buffer.from('Killed process');

// Values of `depth` in a report.
/** The call trace has begun. Less for each foreign line between its lines, at most `FOREIGN_LINES`. */
const BODY = 1;
const FOREIGN_LINES = 30;
/** An OOM report, which ends differently. */
const OOM = 2;
/** The call trace has not begun. More for each line of unknown form that may still follow. */
const HEAD = 10;
const UNKNOWN_LINES = 12;
/** After a rule, and in reports about locks, most lines are sentences. */
const UNKNOWN_LINES_RULED = 60;

/** The kernel prints the lines of a report one after the other, so a later line does not belong to it. */
const PAUSE_MAX_S = 5;

/** Begins a report with its headline, or with the rule above it. */
export function openReport(entry: OpenEntry, b: Uint8Array, at: number, end: number): void {
  entry.mode = modes.kernel;
  const last = Math.min(end, at + HEADLINE_BYTES_MAX);
  if (indexOf(b, at, last, oom) >= 0) entry.depth = OOM;
  else {
    const isWordy =
      isRule(b, at, end) || indexOf(b, at, last, possible) >= 0 || indexOf(b, at, last, suspicious) >= 0;
    entry.depth = HEAD + (isWordy ? UNKNOWN_LINES_RULED : UNKNOWN_LINES);
  }
}
const possible = Buffer.from(': possible ');
const suspicious = Buffer.from(': suspicious ');
const oom = Buffer.from(' invoked oom-killer:');

/**
 * Whether the line b[at, end) belongs to the report. Updates the mode.
 * @param uptime the seconds since boot of the line
 * @param isKernel the line has the kernel's stamp or name. Without it, only lines of known forms belong to
 * the report.
 */
export function stepReport(
  entry: OpenEntry,
  b: Uint8Array,
  at: number,
  end: number,
  uptime: number,
  isKernel: boolean,
): boolean {
  if (isKernel && uptime > entry.uptime + PAUSE_MAX_S) return false;
  const isIndented = at < end && (b[at] === SPACE || b[at] === TAB);
  if (entry.mode === modes.kernel_ended) return at < end && startsWithAny(b, at, end, afterEnd);
  if (entry.depth < BODY && !isCertain(b, at, end)) return false;
  if (at >= end || isIndented) return true;
  if (startsWith(b, at, end, panic)) return true;
  if (entry.depth === OOM) return stepOom(entry, b, at, end, isKernel);
  if (indexOf(b, at, Math.min(end, at + HEADLINE_BYTES_MAX), oom) >= 0) return false;
  if (startsWithAny(b, at, end, ended)) {
    entry.mode = modes.kernel_ended;
    return true;
  }
  if (startsWith(b, at, end, callTrace) || startsWith(b, at, end, callTraceArm)) {
    entry.depth = BODY;
    return true;
  }
  if (entry.depth >= HEAD) {
    if (isBody(b, at, end) || headlineSeverity(b, at, end) !== 0) return true;
    return entry.depth-- > HEAD;
  }
  // The next report begins. A second headline of the same report (`BUG:` after a rule) precedes the call
  // trace.
  if (headlineSeverity(b, at, end) !== 0) return false;
  return isBody(b, at, end);
}

/**
 * Whether b[at, end), a kernel line that does not belong to the report, is a foreign line within its call
 * trace. The report then continues after it, but only with lines that cannot be anything else.
 */
export function isWithinReport(
  entry: OpenEntry,
  b: Uint8Array,
  at: number,
  end: number,
  uptime: number,
): boolean {
  if (entry.mode !== modes.kernel || entry.depth > BODY || entry.depth <= BODY - FOREIGN_LINES) return false;
  if (uptime > entry.uptime + PAUSE_MAX_S || headlineSeverity(b, at, end) !== 0 || isRule(b, at, end))
    return false;
  entry.depth--;
  return true;
}

const certain = texts(
  'Call Trace|Call trace|RIP: 0010:|Code: |---[ end |Kernel panic - not syncing|[<|</|<TASK>|<IRQ>|<EOI>',
);

function isCertain(b: Uint8Array, at: number, end: number): boolean {
  while (at < end && b[at] === SPACE) at++;
  if (b[at] === QUESTION) at += 2;
  if (at >= end) return false;
  return startsWithAny(b, at, end, certain) || isFrame(b, at, end);
}

function stepOom(entry: OpenEntry, b: Uint8Array, at: number, end: number, isKernel: boolean): boolean {
  const last = Math.min(end, at + HEADLINE_BYTES_MAX);
  if (startsWithAny(b, at, end, endedOom) || indexOf(b, at, last, killed) >= 0) {
    entry.mode = modes.kernel_ended;
    return true;
  }
  if (indexOf(b, at, last, oom) >= 0) return false;
  return isKernel || isOomLine(b, at, end);
}

/** A counter of an OOM report: `anon 31154200576`. */
function isCounter(b: Uint8Array, at: number, end: number): boolean {
  const start = at;
  while (at < end && (byteClass[b[at]!] === LOWER || b[at] === UNDERSCORE)) at++;
  return at > start && at + 1 < end && b[at] === SPACE && isDigit(b[at + 1]);
}

/** A line of an OOM report: a table in brackets, a counter `name:number` or `number pages …`. */
function isOomLine(b: Uint8Array, at: number, end: number): boolean {
  const first = b[at]!;
  if (first === LBRACKET || isDigit(first) || isBody(b, at, end) || isCounter(b, at, end)) return true;
  for (const last = Math.min(end, at + 48); at < last; at++) {
    if (b[at] === COLON || b[at] === EQUALS) return true;
  }
  return false;
}

function isBody(b: Uint8Array, at: number, end: number): boolean {
  return (
    startsWithAny(b, at, end, body) || isLocksHeld(b, at, end) || isFrame(b, at, end) || isDump(b, at, end)
  );
}

/** Registers, and words of the stack: `r10: 82c92c74  r9 : 8591b080`, `fe20: 811b9fa8`. */
function isDump(b: Uint8Array, at: number, end: number): boolean {
  const start = at;
  while (at < end && at - start < 5 && byteClass[b[at]!] !== 0) at++;
  if (at === start) return false;
  if (b[at] === SPACE) at++;
  return at + 2 < end && b[at] === COLON && b[at + 1] === SPACE && isDumped(b, at + 2, end);
}

/** Blanks, and eight or sixteen hex digits. */
function isDumped(b: Uint8Array, at: number, end: number): boolean {
  while (at < end && b[at] === SPACE) at++;
  const start = at;
  while (at < end && isHex(b[at]!)) at++;
  return at - start === 8 || at - start === 16;
}
const isHex = (byte: number): boolean => isDigit(byte) || (byte >= LOWER_A && byte <= LOWER_F);

const locks = Buffer.from('lock');
/** `2 locks held by syz-executor/1234:` */
const isLocksHeld = (b: Uint8Array, at: number, end: number): boolean =>
  isDigit(b[at]) && b[at + 1] === SPACE && startsWith(b, at + 2, end, locks);

/** A frame without the blank before it, also after addresses in brackets: `do_syscall_64+0x33/0x40`. */
function isFrame(b: Uint8Array, at: number, end: number): boolean {
  while (at < end && b[at] === LBRACKET && isHex(b[at + 1] ?? 0)) {
    const open = at;
    while (at < end && at - open < 20 && b[at] !== RBRACKET) at++;
    if (b[at] !== RBRACKET || at - open < 9) return false;
    at += b[at + 1] === SPACE ? 2 : 1;
  }
  if (byteClass[b[at]!] === UPPER) return false;
  for (const last = Math.min(end - 3, at + 80); at < last && b[at] !== SPACE; at++) {
    if (b[at] === PLUS && b[at + 1] === DIGIT_0 && b[at + 2] === LOWER_X) return true;
  }
  return false;
}
