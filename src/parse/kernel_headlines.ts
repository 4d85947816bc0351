import { startsWith } from './bytes.ts';
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
export const NAME_BYTES_MAX = 64;

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
for (const headline of rawHeadlines) {
  rawByFirst[headline[0]!] ??= [];
  rawByFirst[headline[0]!]!.push(headline);
}
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

/** A line of `=`, as stands above and below some reports. */
export const isRule = (b: Uint8Array, at: number, end: number): boolean =>
  end - at >= 20 && b[at] === 61 && b[at + 1] === 61 && b[at + 9] === 61 && b[end - 1] === 61;
