import { classOf, indexOf, isDigit, startsWith, UPPER } from './bytes.ts';
import { type Entry, modes } from './entry.ts';
import { severity } from './severity.ts';

export interface KernelHeadline {
  text: string;
  severity: 'fatal' | 'error' | 'warn';
  /** After the name of a process or subsystem. */
  anywhere?: true;
  /** The line is all there is. */
  alone?: true;
}

/** How a kernel report begins, and how bad that is; of two that fit the first one counts. */
export const kernelHeadlines: readonly KernelHeadline[] = [
  { text: 'Kernel panic - not syncing', severity: 'fatal' },
  { text: '------------[ cut here ]', severity: 'error' },
  { text: 'BUG: ', severity: 'error' },
  { text: 'kernel BUG at ', severity: 'fatal' },
  ...[
    'CPU: ',
    'at ',
    'possible ',
    'suspicious ',
    'inconsistent ',
    'bad unlock',
    'held lock',
    'lock held',
    'nested lock',
    'kernel stack',
    'Nested lock',
    'locking bug',
    'ODEBUG',
    'refcount',
  ].map((what) => ({ text: `WARNING: ${what}`, severity: 'warn' as const })),
  { text: 'WARNING: ', severity: 'warn', alone: true },
  { text: 'Oops: ', severity: 'error' },
  { text: 'Oops - ', severity: 'error' },
  { text: 'Internal error: ', severity: 'error' },
  { text: 'Unable to handle kernel ', severity: 'error' },
  { text: 'general protection fault', severity: 'error' },
  { text: 'double fault', severity: 'error' },
  { text: 'divide error: ', severity: 'error' },
  { text: 'invalid opcode: ', severity: 'error' },
  { text: 'stack segment: ', severity: 'error' },
  { text: 'int3: ', severity: 'error' },
  { text: 'UBSAN: ', severity: 'error' },
  { text: 'INFO: task ', severity: 'error' },
  { text: 'INFO: rcu', severity: 'error' },
  { text: 'INFO: possible ', severity: 'error' },
  { text: 'INFO: suspicious ', severity: 'error' },
  { text: 'INFO: inconsistent ', severity: 'error' },
  { text: 'INFO: trying to register non-static key', severity: 'error' },
  { text: 'rcu: INFO: ', severity: 'error' },
  { text: 'watchdog: BUG: ', severity: 'error' },
  { text: 'NMI watchdog: BUG: ', severity: 'error' },
  { text: 'NMI watchdog: Watchdog detected hard LOCKUP', severity: 'error' },
  { text: 'watchdog: Watchdog detected hard LOCKUP', severity: 'error' },
  { text: 'unregister_netdevice: waiting for', severity: 'error', alone: true },
  { text: 'PANIC: ', severity: 'fatal' },
  { text: ' invoked oom-killer:', severity: 'error', anywhere: true },
  { text: ': page allocation failure', severity: 'warn', anywhere: true },
  { text: ' blocked for more than ', severity: 'error', anywhere: true },
];

interface Headline {
  bytes: Buffer;
  severity: number;
  isAlone: boolean;
}
const byFirst: (Headline[] | undefined)[] = new Array(256).fill(undefined);
const anywhere: Headline[] = [];
for (const { text, severity: how, anywhere: isAnywhere, alone } of kernelHeadlines) {
  const headline = { bytes: Buffer.from(text), severity: severity[how], isAlone: alone ?? false };
  if (isAnywhere) anywhere.push(headline);
  else {
    byFirst[headline.bytes[0]!] ??= [];
    byFirst[headline.bytes[0]!]!.push(headline);
  }
}
// ` invoked…`, ` blocked…`, `: page…`: their second bytes are looked at below.
/** Where, at most, a headline that does not begin the line is looked for. */
const NAME_BYTES_MAX = 64;

/** The severity of the headline that b[at, end) is, or 0. */
export const headlineSeverity = (b: Uint8Array, at: number, end: number): number =>
  headlineOf(b, at, end)?.severity ?? 0;

/** Whether more lines follow the headline that b[at, end) is. */
export const beginsReport = (b: Uint8Array, at: number, end: number): boolean =>
  headlineOf(b, at, end)?.isAlone === false || isRule(b, at, end);

function headlineOf(b: Uint8Array, at: number, end: number): Headline | undefined {
  if (at >= end) return undefined;
  const known = byFirst[b[at]!];
  if (known !== undefined) {
    for (const headline of known) if (startsWith(b, at, end, headline.bytes)) return headline;
  }
  const last = Math.min(end, at + NAME_BYTES_MAX);
  for (let i = at; i < last; i++) {
    const byte = b[i]!;
    if (byte !== 32 && byte !== 58) continue;
    const next = b[i + 1];
    if (byte === 32 ? next !== 105 && next !== 98 : next !== 32 || b[i + 2] !== 112) continue;
    for (const headline of anywhere) if (startsWith(b, i, end, headline.bytes)) return headline;
  }
  return undefined;
}

/** Without the kernel's stamp only these are believed to be the kernel's: a program may print `WARNING: ` or `INFO: `. */
const rawHeadlines = [
  'Kernel panic - not syncing',
  '------------[ cut here ]',
  'BUG: unable to handle',
  'BUG: KASAN',
  'BUG: kernel NULL',
  'BUG: soft lockup',
  'BUG: sleeping function',
  'Oops: 0',
  'kernel BUG at ',
  'general protection fault',
  'Unable to handle kernel ',
  'Internal error: Oops',
  'rcu: INFO: ',
  'watchdog: BUG: ',
  'INFO: task ',
  'INFO: rcu',
  'WARNING: CPU: ',
  'WARNING: possible ',
  'invalid opcode: 0',
  'UBSAN: ',
].map((text) => Buffer.from(text));
const rawByFirst: (Buffer[] | undefined)[] = new Array(256).fill(undefined);
for (const headline of rawHeadlines) (rawByFirst[headline[0]!] ??= []).push(headline);
const oomKiller = Buffer.from(' invoked oom-killer: gfp_mask=');

export function isRawHeadline(b: Uint8Array, at: number, end: number): boolean {
  if (at >= end) return false;
  const known = rawByFirst[b[at]!];
  if (known !== undefined) for (const headline of known) if (startsWith(b, at, end, headline)) return true;
  // A task's name has at most 15 characters.
  for (const last = Math.min(end - oomKiller.length, at + 16); at < last; at++) {
    if (b[at] === 32 && b[at + 1] === 105 && startsWith(b, at, end, oomKiller)) return true;
  }
  return false;
}

const texts = (list: string[]): Buffer[] => list.map((text) => Buffer.from(text));
const ended = texts(['---[ end trace', '---[ end Kernel panic', 'Rebooting in ']);
const endedOom = texts([
  'Killed process',
  'Memory cgroup out of memory: Kill',
  'Out of memory: Kill',
  'Memory cgroup out of memory: Killed',
]);
/** What still belongs to a report whose end was printed. */
const afterEnd = texts([
  'Kernel panic - not syncing',
  'Kernel Offset:',
  'Rebooting in ',
  '---[ end ',
  'Killed process',
  'oom_reaper:',
  'RIP:',
  'RSP:',
  'EIP:',
  'CR2:',
  'Code:',
  'RAX:',
  'RBX:',
  'RCX:',
  'RDX:',
  'RSI:',
  'RDI:',
  'RBP:',
  'R08:',
  'R10:',
  'R13:',
  'EAX:',
  'ESI:',
  'EFLAGS:',
  'FS:',
  'CS:',
  'DS:',
  'DR',
  'PKRU:',
  'Dumping ftrace',
  '(ftrace buffer empty)',
  'note: ',
  'Shutting down cpus',
]);
const panic = Buffer.from('Kernel panic - not syncing');

/** Lines of a report's body, once its call trace has begun: anything else ends it. */
const body = texts([
  'Call Trace',
  'Call trace',
  'CPU:',
  'CPU ',
  'RIP',
  'RSP',
  'EIP',
  'ESP',
  'EAX',
  'ESI',
  'EBX',
  'ECX',
  'RAX',
  'RDX',
  'RBP',
  'RBX',
  'RDI',
  'RCX',
  'RSI',
  'R0',
  'R1',
  'CR0',
  'CR2',
  'CR3',
  'FS:',
  'CS:',
  'DS:',
  'ES:',
  'GS:',
  'SS:',
  'DR0',
  'DR3',
  'DR6',
  'PKRU',
  'Code:',
  'EFLAGS',
  'ORIG_RAX',
  'Modules linked',
  'Hardware name',
  'Workqueue:',
  'Stack:',
  '---[',
  '[<',
  '</',
  '<',
  '#',
  'pc :',
  'lr :',
  'sp :',
  'x',
  'task:',
  'Sending NMI',
  'NMI backtrace',
  'Kernel',
  'kernel',
  'Rebooting',
  'Dumping',
  'Shutting down',
  '====',
  '----',
  'INFO: lockdep',
  'irq event',
  'hardirqs last',
  'softirqs last',
  'stack backtrace',
  'Allocated by',
  'Freed by',
  'Last potentially',
  'Second to last',
  'The buggy',
  'Memory state',
  'which belongs',
  'page:',
  'flags:',
  'raw:',
  'page dumped',
  'page_owner',
  'Object',
  'Local variable',
  'Uninit was',
  '>',
  'Mem-Info',
  'Mem-info',
  'Node ',
  'Tasks state',
  'lowmem_reserve',
  'Exception',
  'RIP;',
  'PC is at',
  'LR is at',
  'Process',
  'Backtrace',
  'general protection',
  'Oops',
  'Fixing recursive',
  'WARNING: kernel stack',
  'ret_from',
  'irq_',
  'CR4',
  'TASK',
  '(',
  'Showing',
  'Tainted',
  'BUG: ',
  'pid ',
  'head: ',
  'memcg:',
  'Disabling lock',
  'Bytes b4',
  'Padding',
  'Redzone',
  'addr ',
  'this frame',
  'ip:',
  'value changed',
  'Reported by',
  'other info',
  'Possible unsafe',
  'stack ',
  'Preemption disabled',
  'in_atomic',
  'preempt_count',
  'locks held',
  'rcu:',
]);

const callTrace = Buffer.from('Call Trace');
const callTraceArm = Buffer.from('Call trace');
const killed = Buffer.from('Killed process');

/**
 * What `depth` means in a report: within its call trace or behind it; an OOM report, which has its own end; before the call trace, with
 * so many lines of unknown form to come at most.
 */
const BODY = 1;
const OOM = 2;
const HEAD = 10;
const UNKNOWN_LINES = 12;
/** Behind a rule, and where locks are told, most lines are sentences. */
const UNKNOWN_LINES_RULED = 60;
/** Kernel lines of one report follow each other; a later one is another matter. */
const PAUSE_MAX_S = 5;

/** Begins a report with its headline, or the rule above it. */
export function openReport(entry: Entry, b: Uint8Array, at: number, end: number): void {
  entry.mode = modes.kernel;
  const last = Math.min(end, at + NAME_BYTES_MAX);
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

const isRule = (b: Uint8Array, at: number, end: number): boolean =>
  end - at >= 20 && b[at] === 61 && b[at + 1] === 61 && b[at + 9] === 61 && b[end - 1] === 61;

/**
 * Whether the kernel's line b[at, end) belongs to the report; its mode moves on.
 * @param uptime its seconds since boot
 * @param isKernel the line has the kernel's stamp or name; without, only lines of known forms belong
 */
export function stepReport(
  entry: Entry,
  b: Uint8Array,
  at: number,
  end: number,
  uptime: number,
  isKernel: boolean,
): boolean {
  if (isKernel && uptime > entry.uptime + PAUSE_MAX_S) return false;
  const isIndented = at < end && (b[at] === 32 || b[at] === 9);
  if (entry.mode === modes.kernel_ended)
    return at < end && afterEnd.some((text) => startsWith(b, at, end, text));
  if (at >= end || isIndented) return true;
  if (startsWith(b, at, end, panic)) return true;
  if (entry.depth === OOM) return stepOom(entry, b, at, end, isKernel);
  for (const text of ended) {
    if (!startsWith(b, at, end, text)) continue;
    entry.mode = modes.kernel_ended;
    return true;
  }
  if (startsWith(b, at, end, callTrace) || startsWith(b, at, end, callTraceArm)) {
    entry.depth = BODY;
    return true;
  }
  if (entry.depth >= HEAD) {
    if (isBody(b, at, end) || headlineSeverity(b, at, end) !== 0) return true;
    return isKernel && entry.depth-- > HEAD;
  }
  // The next report begins; one that only says the same in other words (`BUG:` behind a rule) has no call trace before it.
  if (headlineSeverity(b, at, end) !== 0) return false;
  return isBody(b, at, end);
}

function stepOom(entry: Entry, b: Uint8Array, at: number, end: number, isKernel: boolean): boolean {
  for (const text of endedOom) {
    if (!startsWith(b, at, end, text)) continue;
    entry.mode = modes.kernel_ended;
    return true;
  }
  if (indexOf(b, at, Math.min(end, at + NAME_BYTES_MAX), killed) >= 0) {
    entry.mode = modes.kernel_ended;
    return true;
  }
  if (indexOf(b, at, Math.min(end, at + NAME_BYTES_MAX), oom) >= 0) return false;
  return isKernel || isOomLine(b, at, end);
}

/** Lines of an OOM report: tables in brackets, counters `name:number` or `number pages …`. */
function isOomLine(b: Uint8Array, at: number, end: number): boolean {
  const first = b[at]!;
  if (first === 91 || isDigit(first) || isBody(b, at, end)) return true;
  for (const last = Math.min(end - 1, at + 48); at < last; at++) {
    if (b[at] === 58 || b[at] === 61) return true;
  }
  return false;
}

function isBody(b: Uint8Array, at: number, end: number): boolean {
  for (const text of body) if (startsWith(b, at, end, text)) return true;
  return isLocksHeld(b, at, end) || isFrame(b, at, end);
}

const locks = Buffer.from('lock');
/** `2 locks held by syz-executor/1234:` */
const isLocksHeld = (b: Uint8Array, at: number, end: number): boolean =>
  isDigit(b[at]) && b[at + 1] === 32 && startsWith(b, at + 2, end, locks);

/** `do_syscall_64+0x33/0x40`, without the blank before it. */
function isFrame(b: Uint8Array, at: number, end: number): boolean {
  if (classOf[b[at]!] === UPPER) return false;
  for (const last = Math.min(end - 3, at + 80); at < last && b[at] !== 32; at++) {
    if (b[at] === 43 && b[at + 1] === 48 && b[at + 2] === 120) return true;
  }
  return false;
}
