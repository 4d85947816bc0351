import { type CrashRule, seeks } from './crash_rule.ts';

const { pointer, frame, place, outermost, access, sleeper, owner, message } = seeks;
const NULL_POINTER = 'BUG: unable to handle kernel NULL pointer dereference in %f';
const PAGING = 'BUG: unable to handle kernel paging request in %f';
const LOCKS = '(?:\\[ )?(BUG|INFO|WARNING): ';
const oops = 'kernel.oops';
const hang = 'kernel.hang';
const warning = 'kernel.warning';

/** Checks that many callers share, by the file of the `WARNING`. The title must name the caller. */
const checks: readonly [string, string][] = [
  ['lib/refcount\\.c', 'WARNING: refcount bug in %f'],
  ['lib/debugobjects\\.c', 'WARNING: ODEBUG bug in %f'],
  ['lib/kobject\\.c', 'WARNING: kobject bug in %f'],
  ['mm/usercopy\\.c', 'WARNING: bad usercopy in %f'],
  ['fs/proc/generic\\.c', 'WARNING: proc registration bug in %f'],
  ['mm/(?:slab_common|util)\\.c:\\d+ \\w*alloc', 'WARNING: kmalloc bug in %f'],
  ['mm/vmalloc\\.c', 'WARNING: zero-size vmalloc in %f'],
  ['kernel/(?:locking/)?lockdep\\.c', 'WARNING: locking bug in %f'],
  ['drivers/usb/core/urb\\.c', 'WARNING in %f/usb_submit_urb'],
];

/**
 * The headlines of kernel reports: of lib/bug.c, kernel/panic.c, lockdep, KASAN, the watchdogs, and the traps
 * of x86, arm, riscv and others. If two rules match, the first one counts. A line that matches none is no
 * crash.
 */
export const crashRules: readonly CrashRule[] = [
  // A double free and an invalid free get one title, because kernels before 6.1 do not distinguish them.
  {
    pattern: /^BUG: KASAN: (?:double-free or invalid-free|double-free|invalid-free) in ([\w.]+)/,
    event: oops,
    title: 'KASAN: invalid-free in %f',
    seeks: frame,
    function: 1,
  },
  {
    pattern: /^BUG: KASAN: ([\w-]+(?: [a-z][\w-]*)*?) (?:in|on address)\b(?: ([\w.]+)\+0x)?/,
    event: oops,
    title: 'KASAN: $1%a in %f',
    seeks: access | frame,
    function: 2,
  },
  {
    pattern: /^BUG: KFENCE: ([\w-]+(?: [a-z]+)?) in ([\w.]+)?/,
    event: oops,
    title: 'KFENCE: $1 in %f',
    seeks: frame,
    function: 2,
  },
  {
    pattern: /^BUG: KMSAN: ([\w-]+(?: after free)?) in ([\w.]+)?/,
    event: oops,
    title: 'KMSAN: $1 in %f',
    seeks: frame,
    function: 2,
  },
  {
    pattern: /^BUG: KCSAN: (data-race|assert: race) in ([\w.]+)(?:\+0x\w+\/0x\w+)?( \/ [\w.]+)?/,
    event: warning,
    title: 'KCSAN: $1 in $2$3',
  },
  {
    pattern: /^(?:BUG: )?(?:[Uu]nable to handle )?[Kk]ernel NULL pointer dereference/,
    event: oops,
    title: NULL_POINTER,
    seeks: pointer | frame,
  },
  {
    pattern:
      /^(?:BUG: )?[Uu]nable to handle (?:kernel )?(?:paging request|page fault|data access|instruction fetch|unaligned access|pointer dereference|access to user memory|execution of user memory|read from unreadable|write to read-only|execute from non-executable)/,
    event: oops,
    title: PAGING,
    seeks: pointer | frame,
  },
  { pattern: /^BUG: unable to handle kernel/, event: oops, title: 'BUG: unable to handle kernel' },
  {
    pattern: /^(?:NMI )?(?:watchdog: )?BUG: soft lockup - CPU#/,
    event: hang,
    title: 'BUG: soft lockup in %f',
    seeks: outermost,
  },
  {
    pattern: /^(?:NMI )?watchdog: (?:CPU ?\d+:? )?(?:Watchdog |self-)?detected hard LOCKUP/,
    event: hang,
    title: 'BUG: hard lockup in %f',
    seeks: outermost,
  },
  {
    pattern: /^(?:rcu: )?INFO: rcu_?\w* (?:self-)?detected (?:expedited )?stall/,
    event: hang,
    title: 'INFO: rcu detected stall in %f',
    seeks: outermost,
  },
  {
    pattern: /^INFO: task .{1,48}:\d+ blocked (?:in I\/O wait )?for more than \d+ seconds/,
    event: hang,
    title: 'INFO: task hung in %f',
    seeks: sleeper,
  },
  {
    pattern: /^INFO: task .{1,48}:\d+ can't die for more than \d+ seconds/,
    event: hang,
    title: "INFO: task can't die in %f",
    seeks: sleeper,
  },
  { pattern: /^BUG: workqueue lockup - pool/, event: hang, title: 'BUG: workqueue lockup' },
  {
    pattern: /^unregister_netdevice: waiting for \S+ to become free/,
    event: hang,
    title: 'unregister_netdevice: waiting for DEV to become free',
  },
  {
    pattern: new RegExp(`^${LOCKS}possible (?:circular locking|recursive locking|irq lock inversion)`),
    event: warning,
    title: 'possible deadlock in %f',
    seeks: place,
  },
  {
    pattern: new RegExp(`^${LOCKS}\\w+(?:-READ)?-safe -> \\w+(?:-READ)?-unsafe lock order`),
    event: warning,
    title: 'possible deadlock in %f',
    seeks: place,
  },
  {
    pattern: new RegExp(`^${LOCKS}inconsistent lock state`),
    event: warning,
    title: 'inconsistent lock state in %f',
    seeks: place,
  },
  {
    pattern: new RegExp(`^${LOCKS}suspicious (?:RCU usage|rcu_dereference)`),
    event: warning,
    title: '$1: suspicious RCU usage in %f',
    seeks: frame,
  },
  {
    pattern: new RegExp(
      `^${LOCKS}(bad unlock balance|bad contention|lock held when returning to user space)`,
    ),
    event: warning,
    title: '$1: $2 in %f',
    seeks: place | frame,
  },
  {
    pattern: new RegExp(`^${LOCKS}held lock freed`),
    event: warning,
    title: '$1: held lock freed in %f',
    seeks: place | frame,
  },
  {
    pattern: new RegExp(`^${LOCKS}.{1,32} still has locks held`),
    event: warning,
    title: '$1: still has locks held in %f',
    seeks: place | frame,
  },
  {
    pattern: new RegExp(`^${LOCKS}Invalid wait context`),
    event: warning,
    title: 'WARNING: locking bug in %f',
    seeks: place | frame,
  },
  {
    pattern: /^INFO: (Freed|Allocated) in ([\w.]+)(?:\+0x\w+\/0x\w+)? age=\d+ cpu=\d+ pid=\d+/,
    event: oops,
    title: 'INFO: $1 in $2 age=NUM cpu=NUM pid=NUM',
  },
  {
    pattern: new RegExp(`^${LOCKS}Nested lock was not taken`),
    event: warning,
    title: '$1: nested lock was not taken in %f',
    seeks: frame,
  },
  {
    pattern: /^INFO: trying to register non-static key/,
    event: warning,
    title: 'INFO: trying to register non-static key in %f',
    seeks: frame,
  },
  {
    pattern:
      /^BUG: ((?:spinlock|rwlock)[ -](?:bad magic|recursion|already unlocked|wrong owner|wrong CPU|cpu recursion|trylock failure)) on CPU/,
    event: oops,
    title: 'BUG: $1 in %f',
    seeks: frame,
  },
  {
    pattern: /^BUG: ((?:spinlock|rwlock(?:-\w+)?) lockup(?: suspected)?) on CPU/,
    event: hang,
    title: 'BUG: $1 in %f',
    seeks: frame,
  },
  {
    pattern: /^BUG: sleeping function called from invalid context/,
    event: warning,
    title: 'BUG: sleeping function called from invalid context in %f',
    seeks: frame,
  },
  {
    pattern: /^BUG: scheduling while atomic/,
    event: warning,
    title: 'BUG: scheduling while atomic in %f',
    seeks: sleeper,
  },
  {
    pattern: /^BUG: using ([\w]+\(\)) in preemptible/,
    event: warning,
    title: 'BUG: using $1 in preemptible code in %f',
    seeks: place | frame,
  },
  {
    pattern: /^BUG: Bad (page state|page map|page cache) in process/,
    event: oops,
    title: 'BUG: Bad $1 in %f',
    seeks: frame,
  },
  { pattern: /^BUG: Bad rss-counter state/, event: oops, title: 'BUG: Bad rss-counter state' },
  {
    pattern: /^BUG: (?:\w+ )?stack guard page was hit/,
    event: oops,
    title: 'BUG: stack guard page was hit in %f',
    seeks: outermost,
  },
  { pattern: /^BUG: memory leak/, event: warning, title: 'memory leak in %f', seeks: owner },
  {
    pattern: /^BUG: Dentry .* still in use(?:.*\[(unmount) of)?/,
    event: oops,
    title: 'BUG: Dentry still in use in $1',
  },
  {
    pattern: /^BUG (\S+) \((?:Not tainted|Tainted: [^)]*)\): (?!kasan)(\S.*)/,
    event: oops,
    title: 'BUG $1: $2',
    stamped: true,
  },
  {
    pattern: /^kernel BUG at (?:\S*\/)?mm\/usercopy\.c:\d+/,
    event: oops,
    title: 'BUG: bad usercopy in %f',
    seeks: frame,
  },
  {
    pattern: /^[Kk]ernel BUG at (?:\S+:\d+|\S+\+0x)/,
    event: oops,
    title: 'kernel BUG in %f',
    seeks: pointer | frame,
  },
  {
    pattern: /^UBSAN: Undefined behaviour in/,
    event: oops,
    title: 'UBSAN: undefined-behaviour in %f',
    seeks: frame,
  },
  { pattern: /^UBSAN: ([\w-]+) in \S+:\d+/, event: oops, title: 'UBSAN: $1 in %f', seeks: frame },
  {
    pattern: /^CFI failure (?:at|\(target:) ?([\w.]*)/,
    event: oops,
    title: 'CFI failure in %f',
    seeks: frame,
    function: 1,
  },
  ...checks.map(([file, title]) => ({
    pattern: new RegExp(`^WARNING: (?:CPU: \\d+ PID: \\d+ )?(?:at )?(?:\\S*/)?${file}`),
    event: 'kernel.warning' as const,
    title,
    seeks: frame,
  })),
  {
    pattern: /^WARNING: (?:CPU: \d+ PID: \d+ at |at )\S*?:\d+(?: ([A-Za-z_][\w.]*)\+0x)?/,
    event: warning,
    title: 'WARNING in %f',
    seeks: pointer | frame,
    function: 1,
  },
  {
    pattern: /^WARNING: CPU: \d+ PID: \d+ at ([A-Za-z_][\w.]*)\+0x/,
    event: warning,
    title: 'WARNING in %f',
    seeks: pointer | frame,
    function: 1,
  },
  {
    pattern: /^WARNING: \S+\.(?:[chS]|rs):\d+ at (?:([A-Za-z_][\w.]*)\+0x|0x)/,
    event: warning,
    title: 'WARNING in %f',
    seeks: pointer | frame,
    function: 1,
  },
  {
    pattern: /^WARNING: kernel stack (regs|frame pointer) .*has bad ('bp' )?value/,
    event: warning,
    title: 'WARNING: kernel stack $1 has bad $2value',
  },
  {
    pattern:
      /^WARNING: (stack recursion on stack type|can't (?:access|dereference) registers|unrecognized unwind stack type)\b/,
    event: warning,
    title: 'WARNING: $1',
  },
  {
    pattern: /^(?:traps: )?PANIC: double fault(?:,|$)/,
    event: oops,
    title: 'PANIC: double fault in %f',
    seeks: pointer | frame,
  },
  {
    // Kernels before 4.16 print no newline after the guess at the cause.
    pattern:
      /^(?:kasan: GPF could be caused by .{0,48}access)?(?:Oops: )?(?:segment-related )?general protection fault[,: ].*\[#\d/,
    event: oops,
    title: 'general protection fault in %f',
    seeks: pointer | frame,
  },
  {
    pattern: /^(?:Oops: )?general protection fault\b/,
    event: oops,
    title: 'general protection fault in %f',
    seeks: pointer | frame,
    stamped: true,
  },
  {
    pattern: /^(?:Oops: )?divide[ _]error: [0-9a-f]{4}\b/,
    event: oops,
    title: 'divide error in %f',
    seeks: pointer | frame,
  },
  {
    pattern:
      /^(?:Oops: )?(invalid opcode|int3|stack segment|double fault|bounds|overflow|invalid TSS|segment not present|alignment check|control protection|#[A-Z]{2})[^[]{0,60}: [0-9a-f]{4} \[#\d/,
    event: oops,
    title: '$1 in %f',
    seeks: pointer | frame,
  },
  {
    pattern: /^Unhandled fault: .*\(0x[0-9a-f]+\) at 0x/,
    event: oops,
    title: 'Unhandled fault in %f',
    seeks: pointer | frame,
  },
  {
    pattern: /^Alignment trap: not handling instruction /,
    event: oops,
    title: 'Alignment trap in %f',
    seeks: pointer | frame,
  },
  { pattern: /^Internal error: .*\[#\d/, event: oops, title: 'Internal error in %f', seeks: pointer | frame },
  { pattern: /^SError Interrupt on CPU/, event: oops, title: 'SError in %f', seeks: pointer | frame },
  {
    pattern: /^Kernel panic - not syncing: .*stack is corrupted in: (?:(?!f{4})([A-Za-z_]\w*))?/,
    event: 'kernel.panic',
    title: 'kernel panic: stack is corrupted in %f',
    seeks: frame,
    function: 1,
  },
  {
    pattern: /^Kernel panic - not syncing: corrupted stack end/,
    event: 'kernel.panic',
    title: 'kernel panic: corrupted stack end in %f',
    seeks: outermost,
  },
  {
    pattern: /^Kernel panic - not syncing: (VFS: (?:Unable to mount root|Cannot open root).*)/,
    event: 'rootfs.missing',
    title: 'kernel panic: $1',
  },
  {
    pattern: /^Kernel panic - not syncing: (No (?:working )?init found|Requested init \S+ failed)/,
    event: 'init.missing',
    title: 'kernel panic: $1',
  },
  {
    pattern: /^Kernel panic - not syncing: (?:kernel: )?(.*?)(?: \.\.\.)?$/,
    event: 'kernel.panic',
    title: 'kernel panic: $1',
  },
  {
    pattern: /^rust_kernel: panicked at /,
    event: oops,
    title: 'kernel panic: Rust panicked: %m',
    seeks: message,
  },
  {
    pattern: /^(.{1,15}) invoked oom-killer: /,
    event: 'kernel.oom',
    title: 'Out of memory: $1 invoked oom-killer',
  },
  {
    pattern: /^.{1,15}: page allocation failure: /,
    event: warning,
    title: 'page allocation failure in %f',
    seeks: owner,
  },
  {
    pattern: /^.{1,15}: vmalloc error: /,
    event: warning,
    title: 'vmalloc failure in %f',
    seeks: owner,
  },
  { pattern: /^irq \d+: nobody cared/, event: warning, title: 'irq: nobody cared' },
  { pattern: /^bad: (scheduling from the idle thread)/, event: warning, title: 'bad: $1' },
  {
    pattern: /^slab error in \w+\(\): cache [`'][^']*': (.*)/,
    event: oops,
    title: 'slab error: $1 in %f',
    seeks: frame,
  },
  { pattern: /^Oops(?:: | - | ?(?=\[)).*\[#\d+\]/, event: oops, title: 'Oops in %f', seeks: pointer | frame },
  { pattern: /^(?:\w+ )?\S+\.[ch]:\d+: BUG: (.*)/, event: warning, title: 'BUG: $1', stamped: true },
  // The line that die() prints on every architecture: what happened, an error code, and a counter.
  {
    pattern:
      /^(?:([A-Z][\w ,()-]{2,48}?):? ?[0-9a-f]{0,16}|([a-z][a-z ()-]{4,48}): [0-9a-f]{4}(?: ilc:\d)?) ?\[#\d+\]/,
    event: oops,
    title: '$1$2 in %f',
    seeks: pointer | frame,
    stamped: true,
  },
  {
    pattern: /^BUG: (workqueue leaked lock or atomic|assuming atomic context)\b/,
    event: warning,
    title: 'BUG: $1 in %f',
    seeks: frame,
  },
  { pattern: /^BUG: ([a-zA-Z].*)/, event: oops, title: 'BUG: $1', stamped: true },
];
