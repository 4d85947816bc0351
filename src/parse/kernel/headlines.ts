import { severity } from '../level/severity.ts';
import { bytes, startsWith } from '../line/bytes.ts';
import { textOf } from '../line/title.ts';
import { hints } from '../line/traits.ts';
import { crashRules } from './crash_rules.ts';

const {
  COLON,
  EQUALS,
  HASH,
  LBRACKET,
  LOWER_B,
  LOWER_I,
  LOWER_P,
  LOWER_S,
  LOWER_U,
  LOWER_V,
  SPACE,
  UPPER_B,
} = bytes;

export interface KernelHeadline {
  text: string;
  /** Without: it may mark something, which its text decides. */
  severity?: 'fatal' | 'error' | 'warn';
  /** After the name of a process or subsystem. */
  anywhere?: true;
  /** The line is all there is. */
  alone?: true;
  /** Behind the text and `: ` stands one of these. */
  follows?: readonly string[];
}

const extFailures = [
  'error',
  'group descriptors corrupted',
  'bad geometry',
  "VFS: Can't find",
  'no journal found',
  'unable to read superblock',
  'failed to ',
  'I/O error',
  'Remounting filesystem read-only',
];
const xfsFailures = [
  'Metadata ',
  'Corruption',
  'log I/O',
  'metadata I/O',
  'Filesystem has been shut',
  'Invalid',
  'Internal error',
  'SB ',
  'bad magic',
  'log mount',
];

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
    'bad contention',
    'Nested lock',
    'locking bug',
    'ODEBUG',
    'refcount',
  ].map((what) => ({ text: `WARNING: ${what}`, severity: 'warn' as const })),
  { text: 'WARNING: ', severity: 'warn', alone: true },
  ...['Oops: ', 'Oops - ', 'Oops [', 'Oops['].map((text) => ({ text, severity: 'error' as const })),
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
  { text: 'watchdog: CPU', severity: 'error' },
  { text: 'unregister_netdevice: waiting for', severity: 'error', alone: true },
  { text: 'PANIC: ', severity: 'fatal' },
  { text: ' invoked oom-killer:', severity: 'error', anywhere: true },
  { text: ': page allocation failure', severity: 'warn', anywhere: true },
  { text: ': vmalloc error: ', severity: 'warn', anywhere: true },
  { text: ' blocked for more than ', severity: 'error', anywhere: true },
  { text: ' [#', severity: 'error', anywhere: true },
  { text: ': BUG: ', severity: 'error', anywhere: true, alone: true },
  { text: '[ INFO: ', severity: 'error' },
  { text: '[ BUG: ', severity: 'error' },
  { text: 'BUG ', severity: 'error' },
  { text: 'kasan: GPF could be caused by ', severity: 'error' },
  { text: 'bad: scheduling from the idle thread', severity: 'warn' },
  { text: 'irq ', severity: 'warn', follows: ['nobody cared'] },
  { text: 'slab error in ', severity: 'error' },
  { text: 'Unhandled fault: ', severity: 'error' },
  { text: 'INFO: Freed in ', severity: 'error' },
  { text: 'INFO: Allocated in ', severity: 'error' },
  { text: 'Alignment trap: ', severity: 'error' },
  { text: 'SError Interrupt on CPU', severity: 'error' },
  { text: 'traps: PANIC: double fault', severity: 'fatal' },
  { text: 'Kernel BUG at ', severity: 'fatal' },
  { text: 'CFI failure', severity: 'error' },
  { text: 'rust_kernel: panicked at ', severity: 'fatal' },
  { text: 'unable to handle kernel ', severity: 'error' },
  { text: 'divide_error: ', severity: 'error' },
  { text: 'segment-related general protection fault', severity: 'error' },
  ...[
    'Out of memory: Kill',
    'Out of memory: kill',
    'Memory cgroup out of memory: Kill',
    'Killed process ',
    'Out of memory (oom_kill_allocating_task): Kill',
  ].map((text) => ({ text, severity: 'error' as const, alone: true as const })),
  ...[
    'I/O error, dev ',
    'blk_update_request: ',
    'critical ',
    'protection error, dev ',
    'Buffer I/O error on dev',
    'EXT4-fs error ',
    'EXT3-fs error ',
    'EXT2-fs error ',
    'BTRFS error',
    'BTRFS critical',
    'BTRFS: error',
    'SQUASHFS error: ',
    'traps: ',
    'Linux version ',
  ].map((text) => ({ text, alone: true as const })),
  ...['EXT4-fs (', 'EXT3-fs (', 'EXT2-fs ('].map((text) => ({
    text,
    follows: extFailures,
    alone: true as const,
  })),
  { text: 'XFS (', follows: xfsFailures, alone: true },
  ...['F2FS-fs (', 'FAT-fs (', 'erofs (', 'JBD2: '].map((text) => ({
    text,
    follows: ['error', 'Error', 'Detected', 'Aborting', 'I/O error', 'failed', 'Invalid'],
    alone: true as const,
  })),
  ...[': segfault at ', ': unhandled '].map((text) => ({
    text,
    anywhere: true as const,
    alone: true as const,
  })),
];

interface Headline {
  bytes: Buffer;
  /** 0: its text decides whether it marks anything. */
  severity: number;
  isAlone: boolean;
  follows: readonly Buffer[] | undefined;
}
const byFirst: (Headline[] | undefined)[] = new Array(256).fill(undefined);
const anywhere: Headline[] = [];
for (const { text, severity: how, anywhere: isAnywhere, alone, follows } of kernelHeadlines) {
  const headline = {
    bytes: Buffer.from(text),
    severity: how === undefined ? 0 : severity[how],
    isAlone: alone ?? false,
    follows: follows?.map((words) => Buffer.from(words)),
  };
  if (isAnywhere) anywhere.push(headline);
  else {
    byFirst[headline.bytes[0]!] ??= [];
    byFirst[headline.bytes[0]!]!.push(headline);
  }
}
/** Where, at most, a headline that does not begin the line is looked for. */
export const NAME_BYTES_MAX = 64;

/** The severity of the headline that b[at, end) is, or 0. */
export const headlineSeverity = (b: Uint8Array, at: number, end: number): number =>
  headlineOf(b, at, end)?.severity ?? 0;

/** Whether more lines follow the headline that b[at, end) is. */
export const beginsReport = (b: Uint8Array, at: number, end: number): boolean =>
  headlineOf(b, at, end)?.isAlone === false || isRule(b, at, end);

export function headlineOf(b: Uint8Array, at: number, end: number): Headline | undefined {
  if (at >= end) return undefined;
  const known = byFirst[b[at]!];
  if (known !== undefined) {
    for (const headline of known) {
      if (!startsWith(b, at, end, headline.bytes)) continue;
      if (headline.follows === undefined || goesOn(b, at + headline.bytes.length, end, headline.follows))
        return headline;
    }
  }
  const last = Math.min(end, at + NAME_BYTES_MAX);
  for (let i = at; i < last; i++) {
    const byte = b[i]!;
    if (byte !== SPACE && byte !== COLON) continue;
    // ` invoked`, ` blocked`, ` [#`
    const next = b[i + 1];
    if (byte === SPACE) {
      if (next !== LOWER_I && next !== LOWER_B && (next !== LBRACKET || b[i + 2] !== HASH)) continue;
    } else if (next !== SPACE || !beginsBehindColon(b[i + 2]!)) continue;
    for (const headline of anywhere) if (startsWith(b, i, end, headline.bytes)) return headline;
  }
  return undefined;
}

/** `: page`, `: segfault`, `: unhandled`, `: vmalloc`, `: BUG` */
const beginsBehindColon = (byte: number): boolean =>
  byte === LOWER_P || byte === LOWER_S || byte === LOWER_U || byte === LOWER_V || byte === UPPER_B;

/** Whether one of the texts stands behind the next `: `; or right here, where that is behind one. */
function goesOn(b: Uint8Array, at: number, end: number, texts: readonly Buffer[]): boolean {
  if (b[at - 2] !== COLON) {
    const last = Math.min(end, at + NAME_BYTES_MAX);
    while (at < last && b[at] !== COLON) at++;
    at += 2;
  }
  for (const text of texts) if (startsWith(b, at, end, text)) return true;
  return false;
}

/** What programs say that marks something. */
const rawMarks = [
  'Linux version ',
  'Out of memory: Kill',
  'Out of memory: kill',
  'Memory cgroup out of memory: Kill',
  'Killed process ',
  'ALERT!',
  'Gave up waiting for root',
  'mount: ',
  'Mounting root failed.',
  'Segmentation fault',
  'Bus error',
  'Illegal instruction',
  'Floating point exception',
  'FATAL ERROR: ',
  'Fatal Python error: ',
  '#  SIG',
  '# There is insufficient memory',
  'SIGSEGV: ',
  'SIGBUS: ',
  'SIGILL: ',
  'SIGFPE: ',
  'SIGABRT: ',
  'terminate called after ',
];
const rawByFirst: (Buffer[] | undefined)[] = new Array(256).fill(undefined);
/** Their first four bytes, as a number: most lines begin with none of these. */
const rawStarts = new Uint8Array(4_096);
function startOf(b: Uint8Array, at: number): number {
  return ((b[at]! * 523) ^ (b[at + 1]! * 131) ^ (b[at + 2]! * 31) ^ (b[at + 3]! * 7)) & 4_095;
}
const rawTexts = kernelHeadlines.filter(({ alone, anywhere }) => !alone && !anywhere).map(({ text }) => text);
for (const bytes of [...rawTexts, ...rawMarks].map((text) => Buffer.from(text))) {
  rawByFirst[bytes[0]!] ??= [];
  rawByFirst[bytes[0]!]!.push(bytes);
  rawStarts[startOf(bytes, 0)] = 1;
}
const cutHere = Buffer.from('------------[ cut here ]');
const oomKiller = Buffer.from(' invoked oom-killer: gfp_mask=');

/** One of `hints` for a line without the kernel's stamp. A program may print `WARNING: ` or `INFO: ` too: only what is a headline to the end begins a report. */
export function rawHeadline(b: Uint8Array, at: number, end: number): number {
  if (at + 4 > end) return hints.nothing;
  if (rawStarts[startOf(b, at)] === 1) {
    for (const text of rawByFirst[b[at]!] ?? [])
      if (startsWith(b, at, end, text)) return rawReport(b, at, end);
  }
  // A task's name has at most 15 characters.
  for (const last = Math.min(end - oomKiller.length, at + 16); at < last; at++) {
    if (b[at] === SPACE && b[at + 1] === LOWER_I && startsWith(b, at, end, oomKiller)) return hints.crash;
  }
  return hints.nothing;
}

function rawReport(b: Uint8Array, at: number, end: number): number {
  if (startsWith(b, at, end, cutHere)) return hints.crash;
  const text = textOf(b, at, end);
  return crashRules.some(({ pattern, stamped }) => !stamped && pattern.test(text)) ? hints.crash : hints.note;
}

/** A line of `=`, as stands above and below some reports. */
export const isRule = (b: Uint8Array, at: number, end: number): boolean =>
  end - at >= 20 && b[at] === EQUALS && b[at + 1] === EQUALS && b[at + 9] === EQUALS && b[end - 1] === EQUALS;
