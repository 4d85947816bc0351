import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { readyDefaults, setReadyTexts } from '../../../src/parse/mark/ready.ts';
import { marksOf, Reader, restored } from '../../support/parsed.ts';

const stamped = (lines: string[]): string[] =>
  lines.map((line, at) => `[${(10 + at / 1000).toFixed(6).padStart(12)}] ${line}`);
const marks = (lines: string[]): string[] => marksOf(stamped(lines));

const trace = (...functions: string[]): string[] => [
  'Call Trace:',
  ' <TASK>',
  ...functions.map((name) => ` ${name}+0x12/0x340`),
  ' </TASK>',
];

describe('a crash of the kernel', () => {
  test('an oops is named by the function at the instruction pointer, and the panic after it is the same crash', () => {
    assert.deepEqual(
      marks([
        'BUG: kernel NULL pointer dereference, address: 0000000000000008',
        '#PF: supervisor read access in kernel mode',
        'Oops: 0000 [#1] PREEMPT SMP NOPTI',
        'CPU: 0 PID: 71 Comm: init Not tainted 6.1.0 #1',
        'RIP: 0010:box_ioctl.isra.0+0x5/0x10 [boxfs]',
        'RSP: 0018:ffffc90000123e48 EFLAGS: 00010246',
        ...trace('vfs_ioctl', 'do_syscall_64'),
        '---[ end trace 0000000000000000 ]---',
        'Kernel panic - not syncing: Fatal exception',
        'Kernel Offset: disabled',
      ]),
      [
        'kernel.oops: BUG: unable to handle kernel NULL pointer dereference',
        '│: BUG: unable to handle kernel NULL pointer dereference in box_ioctl',
        '│kernel.panic: BUG: unable to handle kernel NULL pointer dereference in box_ioctl',
      ],
    );
  });

  const cases: [string, string[], string][] = [
    [
      'a page fault in a helper is its caller’s',
      [
        'BUG: unable to handle page fault for address: ffffa00000000000',
        'RIP: 0010:memcpy+0x5/0x10',
        ...trace('kasan_check_range', 'box_read', 'vfs_read'),
      ],
      'kernel.oops: BUG: unable to handle kernel paging request in box_read',
    ],
    [
      'KASAN, with the access',
      [
        'BUG: KASAN: slab-use-after-free in _raw_spin_lock+0x6c/0xe0',
        'Write of size 4 at addr ffff88800a1b2c3d by task init/1',
        '',
        ...trace('dump_stack_lvl', 'print_report', 'kasan_report', '_raw_spin_lock', 'box_close', '__fput'),
      ],
      'kernel.oops: KASAN: slab-use-after-free Write in box_close',
    ],
    [
      'KFENCE',
      [
        'BUG: KFENCE: use-after-free read in box_peek+0x12/0x40',
        '',
        'Use-after-free read at 0x000000007f1e:',
      ],
      'kernel.oops: KFENCE: use-after-free read in box_peek',
    ],
    [
      'a general protection fault',
      [
        'general protection fault, probably for non-canonical address 0xdffffc0000000003: 0000 [#1] SMP',
        'RIP: 0010:box_open+0x5/0x10',
      ],
      'kernel.oops: general protection fault in box_open',
    ],
    [
      'the same in newer kernels',
      [
        'Oops: general protection fault, probably for non-canonical address 0xdffffc0000000003: 0000 [#1] SMP',
        'RIP: 0010:box_open+0x5/0x10',
      ],
      'kernel.oops: general protection fault in box_open',
    ],
    [
      'a BUG()',
      [
        '------------[ cut here ]------------',
        'kernel BUG at fs/boxfs/inode.c:27!',
        'invalid opcode: 0000 [#1] PREEMPT SMP',
        'RIP: 0010:box_evict+0x5/0x10',
      ],
      'kernel.oops: kernel BUG in box_evict',
    ],
    [
      'a WARN()',
      [
        '------------[ cut here ]------------',
        'WARNING: CPU: 1 PID: 71 at fs/boxfs/inode.c:27 box_evict+0x5/0x10',
      ],
      'kernel.warning: WARNING in box_evict',
    ],
    [
      'a WARN() in newer kernels',
      [
        '------------[ cut here ]------------',
        'WARNING: fs/boxfs/inode.c:27 at box_evict+0x5/0x10, CPU#1: init/71',
      ],
      'kernel.warning: WARNING in box_evict',
    ],
    [
      'a check that all share is its caller’s',
      [
        'WARNING: CPU: 1 PID: 71 at lib/refcount.c:28 refcount_warn_saturate+0x13c/0x174',
        'refcount_t: underflow; use-after-free.',
        'RIP: 0010:refcount_warn_saturate+0x13c/0x174',
        ...trace('kobject_put', 'box_release'),
      ],
      'kernel.warning: WARNING: refcount bug in box_release',
    ],
    [
      'UBSAN',
      [
        'UBSAN: array-index-out-of-bounds in fs/boxfs/dir.c:91:12',
        "index 9 is out of range for type 'int [8]'",
        ...trace('dump_stack_lvl', 'ubsan_epilogue', '__ubsan_handle_out_of_bounds', 'box_lookup'),
      ],
      'kernel.oops: UBSAN: array-index-out-of-bounds in box_lookup',
    ],
    [
      'lockdep',
      [
        '======================================================',
        'WARNING: possible circular locking dependency detected',
        '6.1.0 #1 Not tainted',
        '------------------------------------------------------',
        'init/71 is trying to acquire lock:',
        'ffff88800a1b2c3d (&box->lock){+.+.}-{3:3}, at: box_write+0x45/0x120',
      ],
      'kernel.warning: possible deadlock in box_write',
    ],
    [
      'a soft lockup is named by the outermost function',
      [
        'watchdog: BUG: soft lockup - CPU#0 stuck for 26s! [init:1]',
        'RIP: 0010:delay_tsc+0x21/0x50',
        ...trace('__const_udelay', 'box_spin', 'box_write', 'vfs_write', 'ksys_write', 'do_syscall_64'),
      ],
      'kernel.hang: BUG: soft lockup in box_write',
    ],
    [
      'an RCU stall, below the tick that found it',
      [
        'rcu: INFO: rcu_preempt self-detected stall on CPU',
        'rcu: \t0-....: (5249 ticks this GP) idle=1/1/0x4000',
        'Call Trace:',
        ' <IRQ>',
        ' rcu_sched_clock_irq+0x1/0x2',
        ' update_process_times+0x1/0x2',
        ' </IRQ>',
        ' box_walk+0x1/0x2',
        ' box_sync+0x1/0x2',
        ' process_one_work+0x1/0x2',
      ],
      'kernel.hang: INFO: rcu detected stall in box_sync',
    ],
    [
      'a hung task, below what sleeps',
      [
        'INFO: task kworker/u4:3:107 blocked for more than 122 seconds.',
        '      Not tainted 6.1.0 #1',
        'task:kworker/u4:3     state:D stack:0     pid:107',
        ...trace(
          '__schedule',
          'schedule',
          'schedule_preempt_disabled',
          '__mutex_lock',
          'box_flush',
          'kthread',
        ),
      ],
      'kernel.hang: INFO: task hung in box_flush',
    ],
    [
      'arm',
      [
        'Unable to handle kernel NULL pointer dereference at virtual address 00000004',
        'Internal error: Oops: 5 [#1] PREEMPT SMP ARM',
        'PC is at box_poll+0x12/0x40',
        'LR is at do_sys_poll+0x1/0x2',
      ],
      'kernel.oops: BUG: unable to handle kernel NULL pointer dereference in box_poll',
    ],
    [
      'arm64',
      [
        'Unable to handle kernel paging request at virtual address dead000000000108',
        'Internal error: Oops: 0000000096000004 [#1] SMP',
        'pc : box_poll+0x12/0x40',
        'lr : do_sys_poll+0x1/0x2',
      ],
      'kernel.oops: BUG: unable to handle kernel paging request in box_poll',
    ],
    [
      'riscv',
      [
        'Unable to handle kernel NULL pointer dereference at virtual address 0000000000000004',
        'Oops [#1]',
        'epc : box_poll+0x12/0x40',
        ' ra : do_sys_poll+0x1/0x2',
      ],
      'kernel.oops: BUG: unable to handle kernel NULL pointer dereference in box_poll',
    ],
    [
      'a panic',
      ['Kernel panic - not syncing: sysrq triggered crash'],
      'kernel.panic: kernel panic: sysrq triggered crash',
    ],
    [
      'init that died, by its exit code',
      ['Kernel panic - not syncing: Attempted to kill init! exitcode=0x00007f00'],
      'kernel.panic: kernel panic: Attempted to kill init! exitcode=0x00007f00',
    ],
    [
      'no init',
      ['Kernel panic - not syncing: No working init found.  Try passing init= option to kernel.'],
      'init.missing: kernel panic: No working init found',
    ],
    [
      'an init that cannot be run, without the number of the error',
      ['Kernel panic - not syncing: Requested init /sbin/box-init failed (error -2).'],
      'init.missing: kernel panic: Requested init /sbin/box-init failed',
    ],
    [
      'no root file system',
      ['Kernel panic - not syncing: VFS: Unable to mount root fs on unknown-block(0,0)'],
      'rootfs.missing: kernel panic: VFS: Unable to mount root fs on unknown-block(NUM,NUM)',
    ],
    [
      'a helper that the headline names stays in the title where the trace is cut off',
      [
        'BUG: KASAN: slab-out-of-bounds in memcpy+0x1/0x20',
        'Read of size 8 at addr ffff88800a1b2c3d by task init/1',
      ],
      'kernel.oops: KASAN: slab-out-of-bounds Read in memcpy',
    ],
    [
      '… and gives way to who called it',
      [
        'BUG: KASAN: slab-out-of-bounds in memcpy+0x1/0x20',
        'Read of size 8 at addr ffff88800a1b2c3d by task init/1',
        ...trace('dump_stack', 'kasan_report', 'memcpy', 'box_read'),
      ],
      'kernel.oops: KASAN: slab-out-of-bounds Read in box_read',
    ],
    [
      'KASAN: memory that is freed twice, in the words of any kernel',
      ['BUG: KASAN: double-free in kfree+0x1/0x20', ...trace('kasan_report', 'kfree', 'box_close')],
      'kernel.oops: KASAN: invalid-free in box_close',
    ],
    [
      'a lock that a helper takes is that of whom the trace names, not the next lock’s',
      [
        '[ INFO: possible circular locking dependency detected ]',
        'init/1 is trying to acquire lock:',
        ' (box_lock){+.+.}, at: flush_workqueue+0x1/0x20',
        'but task is already holding lock:',
        ' (other){+.+.}, at: other_ioctl+0x1/0x20',
        '-> #1 (other){+.+.}:',
        '       chain_open+0x1/0x20',
        'stack backtrace:',
        ...trace('dump_stack', 'print_circular_bug', 'lock_acquire', 'flush_workqueue', 'box_set'),
      ],
      'kernel.warning: possible deadlock in box_set',
    ],
    [
      'memory freed with a lock in it, by where that was taken',
      [
        'WARNING: held lock freed!',
        'init/1 is freeing memory ffff88809faed2c0-ffff88809faedabf, with a lock still held there!',
        '00000000cf45dbdb (sk_lock){+.+.}, at: box_release+0x11a/0x3b0',
        'stack backtrace:',
        ...trace('dump_stack', 'kfree', 'box_destruct'),
      ],
      'kernel.warning: WARNING: held lock freed in box_release',
    ],
    [
      'a lock of the scheduler, by who takes it',
      [
        'BUG: spinlock recursion on CPU#0, init/1',
        ...trace('spin_dump', 'do_raw_spin_lock', '__task_rq_lock', 'wake_up_new_task'),
      ],
      'kernel.oops: BUG: spinlock recursion in wake_up_new_task',
    ],
    [
      'a stack that ran over in a worker, by the work',
      [
        'Kernel panic - not syncing: corrupted stack end detected inside scheduler',
        'CPU: 1 PID: 7 Comm: kworker/u4:0 Not tainted 6.1.0 #1',
        'Workqueue: writeback wb_workfn (flush-8:0)',
        ...trace('dump_stack', 'panic', '__schedule'),
      ],
      'kernel.panic: kernel panic: corrupted stack end in wb_workfn',
    ],
    [
      'a stack protector’s panic, by who called it',
      [
        'Kernel panic - not syncing: stack-protector: Kernel stack is corrupted in: ffffffff8343632e',
        ...trace('dump_stack', 'panic', '__stack_chk_fail', 'box_xmit'),
      ],
      'kernel.panic: kernel panic: stack is corrupted in box_xmit',
    ],
    [
      'a soft lockup in a module’s file of /proc, by the module',
      [
        'watchdog: BUG: soft lockup - CPU#0 stuck for 26s! [init:1]',
        'RIP: 0010:burn+0x31/0x50 [boxfs]',
        'Call Trace:',
        ' box_write+0x1/0x2 [boxfs]',
        ' proc_reg_write+0x1/0x2',
        ' vfs_write+0x1/0x2',
      ],
      'kernel.hang: BUG: soft lockup in box_write',
    ],
    [
      'a soft lockup without a trace, by the instruction pointer',
      ['watchdog: BUG: soft lockup - CPU#0 stuck for 26s! [init:1]', 'RIP: 0010:burn+0x31/0x50 [boxfs]'],
      'kernel.hang: BUG: soft lockup in burn',
    ],
    [
      'a hang while a module starts',
      [
        'watchdog: BUG: soft lockup - CPU#0 stuck for 26s! [modprobe:71]',
        'Call Trace:',
        ' burn+0x1/0x2 [boxfs]',
        ' box_init+0x1/0x2 [boxfs]',
        ' do_one_initcall+0x1/0x2',
        ' do_init_module+0x1/0x2',
      ],
      'kernel.hang: BUG: soft lockup in box_init',
    ],
    [
      'a stall on riscv, below its interrupt',
      [
        'rcu: INFO: rcu_sched self-detected stall on CPU',
        'Call Trace:',
        '[<ffffffff80005a3c>] dump_backtrace+0x1/0x2',
        '[<ffffffff800a4c2a>] rcu_sched_clock_irq+0x1/0x2',
        '[<ffffffff806c5b1e>] riscv_timer_interrupt+0x1/0x2',
        '[<ffffffff80a3a6f2>] do_irq+0x1/0x2',
        '[<ffffffff80a3a6f4>] box_spin+0x1/0x2',
        '[<ffffffff8002d8ee>] kthread+0x1/0x2',
      ],
      'kernel.hang: INFO: rcu detected stall in box_spin',
    ],
    [
      'a hard lockup in the words of newer kernels',
      ['watchdog: CPU2: Watchdog detected hard LOCKUP on cpu 2', 'RIP: 0010:box_spin+0x31/0x50'],
      'kernel.hang: BUG: hard lockup in box_spin',
    ],
    [
      'a page allocation that failed, by who asked for it',
      [
        'init: page allocation failure: order:4, mode:0x40cc0(GFP_KERNEL), nodemask=(null)',
        ...trace('dump_stack', 'warn_alloc', '__alloc_pages_slowpath', 'kmalloc_order', 'box_open'),
      ],
      'kernel.warning: page allocation failure in box_open',
    ],
    [
      'an interrupt that nobody wants',
      ['irq 18: nobody cared (try booting with the "irqpoll" option)', ...trace('dump_stack')],
      'kernel.warning: irq: nobody cared',
    ],
    [
      'a fault whose headline follows a line without an end',
      [
        'kasan: GPF could be caused by NULL-ptr deref or user memory accessgeneral protection fault: 0000 [#1] SMP',
        'RIP: 0010:box_walk+0x31/0x50',
      ],
      'kernel.oops: general protection fault in box_walk',
    ],
    [
      'powerpc',
      [
        'BUG: Kernel NULL pointer dereference on read at 0x00000000',
        'NIP [c000000000123456] box_poll+0x12/0x40',
      ],
      'kernel.oops: BUG: unable to handle kernel NULL pointer dereference in box_poll',
    ],
    [
      's390',
      ['illegal operation: 0001 ilc:1 [#1] SMP', ...trace('box_poll')],
      'kernel.oops: illegal operation in box_poll',
    ],
    [
      'a driver in Rust that panics, by its message',
      ['rust_kernel: panicked at drivers/box/node.rs:877:13:', 'attempt to subtract with overflow'],
      'kernel.oops: kernel panic: Rust panicked: attempt to subtract with overflow',
    ],
    [
      'a compiled BPF program has no name of its own',
      ['BUG: KASAN: use-after-free in bpf_prog_6deef7357e7b4530_box+0x1/0x20'],
      'kernel.oops: KASAN: use-after-free in bpf_prog_ADDR',
    ],
    [
      'XFS that shuts down after an error of its own',
      [
        'XFS (vda1): Internal error xfs_trans_cancel at line 957 of file fs/xfs/xfs_trans.c.  Caller box+0x1/0x2',
      ],
      'disk.error: XFS (vda1): Internal error xfs_trans_cancel',
    ],
  ];
  for (const [what, lines, wanted] of cases) {
    test(what, () => {
      const found = marks(lines).map((mark) => mark.replace('│', ''));
      const [first] = found;
      const title = found.at(-1)!.replace(/^[^:]*: /, '');
      assert.equal(`${first!.split(': ')[0]}: ${title}`, wanted, JSON.stringify(found));
    });
  }

  test('a hang that is told by two watchdogs, again and again, is one', () => {
    const found = marksOf([
      '[   32.000000] watchdog: BUG: soft lockup - CPU#0 stuck for 26s! [init:1]',
      '[   32.000100] Call Trace:',
      '[   32.000200]  box_write+0x1/0x2',
      '[   32.000300]  vfs_write+0x1/0x2',
      '[   44.000000] rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:',
      '[   60.000000] watchdog: BUG: soft lockup - CPU#0 stuck for 52s! [init:1]',
    ]);
    assert.deepEqual(
      found.map((mark) => mark.split(': ')[0]),
      ['kernel.hang', '│', 'kernel.hang', 'kernel.hang'],
    );
    assert.equal(new Set(found.slice(1).map((mark) => mark.replace(/^[^:]*: /, ''))).size, 1);
  });

  test('two warnings are two, though one follows the other', () => {
    const found = marks([
      'WARNING: CPU: 1 PID: 71 at fs/boxfs/inode.c:27 box_evict+0x5/0x10',
      'Call Trace:',
      ' vfs_x+0x1/0x2',
      '---[ end trace 0000000000000000 ]---',
      'WARNING: CPU: 1 PID: 71 at fs/boxfs/dir.c:91 box_lookup+0x5/0x10',
    ]);
    assert.deepEqual(found, [
      'kernel.warning: WARNING in box_evict',
      'kernel.warning: WARNING in box_lookup',
    ]);
  });

  test('lines of another matter in its call trace do not end it', () => {
    const found = marks([
      'WARNING: CPU: 1 PID: 71 at lib/refcount.c:28 refcount_warn_saturate+0x13c/0x174',
      'Call Trace:',
      ' kobject_put+0x1/0x2',
      'eth0: link up',
      ' box_release+0x1/0x2',
    ]);
    assert.deepEqual(found, [
      'kernel.warning: WARNING: refcount bug',
      '│: WARNING: refcount bug in box_release',
    ]);
  });

  test('without the kernel’s stamp, and behind a log daemon’s', () => {
    assert.deepEqual(
      marksOf([
        'BUG: KASAN: stack-out-of-bounds in box_read+0x1/0x2',
        'Read of size 8 at addr ffff88800a1b2c3d by task init/1',
      ]),
      [
        'kernel.oops: KASAN: stack-out-of-bounds in box_read',
        '│: KASAN: stack-out-of-bounds Read in box_read',
      ],
    );
    assert.deepEqual(
      marksOf(['Jun  1 15:30:18 host kernel: [   12.480127] Kernel panic - not syncing: x y']),
      ['kernel.panic: kernel panic: x y'],
    );
  });

  test('addresses, ids and numbers are not in a title', () => {
    const [first] = marks([
      'Kernel panic - not syncing: watchdog of task 812 at ffff88800a1b2c3d, 30 s late',
    ]);
    assert.equal(first, 'kernel.panic: kernel panic: watchdog of task NUM at ADDR, NUM s late');
  });
});

test('what only looks like a crash is none', () => {
  const quiet = [
    'WARNING: the mand mount option is being deprecated',
    'Spectre V2 : WARNING: Unprivileged eBPF is enabled',
    'INFO: lockdep is turned off.',
    'INFO: NMI handler (perf_event_nmi_handler) took too long to run: 2.277 msecs',
    'panic_on_warn is off, panic:1',
    'EXT4-fs (vda): mounted filesystem with ordered data mode. Quota mode: none.',
    'systemd[1]: BUG: KASAN: x',
    'ODEBUG: Out of memory. ODEBUG disabled',
    'watchdog: hard watchdog permanently disabled',
    'watchdog: CPU0: started',
    'irq 18: handled by the driver',
    'kasan: GPF could be caused by NULL-ptr deref or user memory access',
    'attempt [#1] to mount',
    'retry of the bus: second [#2]',
  ];
  assert.deepEqual(marks(quiet), []);
  assert.deepEqual(
    marksOf([
      '2026-06-01T15:30:18Z [app] Kernel panic - not syncing: quoted',
      '2026-06-01T15:30:18Z [app] BUG: KASAN: use-after-free in quoted+0x1/0x2',
      'BUG: the button does nothing',
      'WARNING: CPU: is hot',
      'INFO: task 12 done',
      'INFO: task build blocked',
      'UBSAN: see the manual',
      'kern  :alert : BUG: kernel NULL pointer dereference, address: 00000000000002fc',
      'grep: Kernel panic - not syncing',
      '{"msg":"Kernel panic - not syncing: x"}',
    ]),
    [],
  );
});

test('OOM: the victim, and who was out of memory', () => {
  const report = [
    'appd invoked oom-killer: gfp_mask=0x140dca(GFP_HIGHUSER_MOVABLE), order=0, oom_score_adj=0',
    'CPU: 0 PID: 105 Comm: appd Not tainted 6.1.0 #1',
    'Mem-Info:',
  ];
  assert.deepEqual(
    marks([...report, 'Out of memory: Killed process 105 (my app) total-vm:65512kB, anon-rss:64356kB']),
    ['kernel.oom: Out of memory: appd invoked oom-killer', '│: Out of memory: Killed process my app'],
  );
  assert.deepEqual(
    marks([...report, 'Memory cgroup out of memory: Killed process 105 (node) total-vm:65512kB'])[1],
    '│: Memory cgroup out of memory: Killed process node',
  );
  assert.deepEqual(
    marks([
      ...report,
      'Memory cgroup out of memory: Kill process 7 (node) score 978 or sacrifice child',
      'Killed process 7 (node) total-vm:65512kB',
    ]),
    [
      'kernel.oom: Out of memory: appd invoked oom-killer',
      '│: Memory cgroup out of memory: Killed process node',
    ],
  );
  assert.deepEqual(marks(['Out of memory: Killed process 105 (appd) total-vm:65512kB']), [
    'kernel.oom: Out of memory: Killed process appd',
  ]);
});

test('disks, root file systems, programs that crash, units that fail', () => {
  assert.deepEqual(
    marks([
      'I/O error, dev vda, sector 14970 op 0x0:(READ) flags 0x80700 phys_seg 1 prio class 2',
      'Buffer I/O error on dev vda, logical block 7500, async page read',
      'EXT4-fs error (device vda): ext4_find_entry:1455: inode #2: comm sh: reading directory lblock 0',
      'EXT4-fs (vda): Remounting filesystem read-only',
      'appd[312]: segfault at 10 ip 00007f1e3a5b1c2d sp 00007ffd8a3c2f50 error 4 in libc.so.6[7f1e3a400000+195000]',
      'traps: appd[313] general protection fault ip:7f1e3a5b1c2d sp:7ffd8a3c2f50 error:0 in appd[400000+1000]',
    ]),
    [
      'disk.error: I/O error, dev vda READ',
      'disk.error: Buffer I/O error, dev vda',
      'disk.error: EXT4-fs error (device vda): ext4_find_entry',
      'disk.error: EXT4-fs (vda): Remounting filesystem read-only',
      'app.segfault: appd: segfault in libc.so.6',
      'app.segfault: appd: general protection fault in appd',
    ],
  );
  assert.deepEqual(
    marksOf([
      '[\u001b[0;1;31mFAILED\u001b[0m] Failed to start \u001b[0;1;39mnginx.service\u001b[0m - A web server.',
      '[DEPEND] Dependency failed for Graphical Interface.',
      "Jun  1 15:30:18 host systemd[1]: nginx.service: Failed with result 'exit-code'.",
      '[  OK  ] Started sshd.service.',
      'ALERT!  /dev/vda1 does not exist.  Dropping to a shell!',
      'Segmentation fault (core dumped)',
    ]),
    [
      'systemd.failed: Failed to start nginx.service',
      'systemd.failed: Failed to start Graphical Interface',
      'systemd.failed: Failed to start nginx.service',
      'rootfs.missing: ALERT! /dev/vda1 does not exist',
      'app.segfault: Segmentation fault',
    ],
  );
});

describe('a program that its runtime or the shell tells to have been stopped', () => {
  const cases: [string, string][] = [
    ['Bus error (core dumped)', 'app.segfault: Bus error'],
    ['Illegal instruction', 'app.segfault: Illegal instruction'],
    [
      'FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory',
      'app.exception: FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory',
    ],
    ['Fatal Python error: Segmentation fault', 'app.segfault: Fatal Python error: Segmentation fault'],
    [
      'Fatal Python error: init_fs_encoding: failed to get the codec',
      'app.exception: Fatal Python error: init_fs_encoding',
    ],
    ['#  SIGSEGV (0xb) at pc=0x00007f1e3a5b1c2d, pid=7, tid=9', 'app.segfault: Java: SIGSEGV'],
    [
      '# There is insufficient memory for the Java Runtime Environment to continue.',
      'app.exception: There is insufficient memory for the Java Runtime Environment',
    ],
    ['SIGSEGV: segmentation violation', 'app.segfault: SIGSEGV: segmentation violation'],
    [
      "terminate called after throwing an instance of 'std::runtime_error'",
      'app.exception: terminate called: std::runtime_error',
    ],
  ];
  for (const [line, mark] of cases) test(line, () => assert.deepEqual(marksOf([line]), [mark]));

  test('words that only begin like it mark nothing', () => {
    assert.deepEqual(
      marksOf([
        'FATAL ERROR: cannot read the settings',
        '#  SIGNALS',
        'SIGABRT: sent to 12 workers',
        'Bus error rate: 0',
        'Illegal instruction in line 3 of the recipe',
        'terminate called after 5 s',
        'the pages say: Fatal Python error: Segmentation fault',
      ]),
      [],
    );
  });
});

describe('boots', () => {
  const first =
    '[    0.000000] Linux version 6.1.0-56-cloud-amd64 (debian-kernel@lists.debian.org) (gcc-12) #1 SMP';

  test('a boot begins with the kernel’s first line, and is ready once', () => {
    assert.deepEqual(
      marksOf([
        first,
        '2026-06-01T15:30:18Z [agent] sandbox.running tap=tap0 guest_ip=172.20.6.118',
        '2026-06-01T15:30:18Z [agent] sshd | listening on 0.0.0.0:22',
        '[   30.000000] reboot: Restarting system',
        first,
        '2026-06-01T15:31:18Z [autostart] Ready on :3000',
      ]),
      [
        'boot.start: Linux 6.1.0-56-cloud-amd64',
        'boot.ready: sandbox.running',
        'boot.start: Linux 6.1.0-56-cloud-amd64',
        'boot.ready: Ready on :',
      ],
    );
  });

  for (const line of [
    'debian login: ',
    'debian login: [   12.480127] random: crng init done',
    '\u001b[32mReached target Multi-User System.\u001b[0m',
    'root@sb-1:~# ',
  ]) {
    test(JSON.stringify(line), () => assert.equal(marksOf([first, line])[1]?.split(': ')[0], 'boot.ready'));
  }

  test('what is no sign of it', () => {
    assert.deepEqual(
      marksOf([first, 'Last login: Mon Jun 1', 'please login: now', 'not yet listening']).slice(1),
      [],
    );
  });

  test('a boot that lost its root file system is not ready, whatever shell comes', () => {
    const found = marksOf([first, 'ALERT!  /dev/vda1 does not exist.  Dropping to a shell!', '/ # ']);
    assert.equal(found.at(-1)?.split(': ')[0], 'rootfs.missing');
  });

  test('what an early console told is told again by the real one: one boot', () => {
    assert.equal(
      marksOf([first, '[    0.100000] printk: console [ttyS0] enabled', first, '[    0.200000] x']).length,
      1,
    );
    assert.equal(marksOf([first, '[    0.100000] Run /init as init process', first]).length, 2);
  });

  test('the texts can be set', () => {
    setReadyTexts(['^up and running', 'é']);
    try {
      assert.deepEqual(
        marksOf([first, 'debian login: ', '2026-06-01T15:30:18Z [agent] up and running']).slice(1),
        ['boot.ready: up and running'],
      );
      assert.deepEqual(marksOf([first, 'réady']).slice(1), ['boot.ready: é']);
    } finally {
      setReadyTexts(readyDefaults);
    }
  });
});

test('the runtime’s own events', () => {
  const line = (type: string): string =>
    `{"time":"2026-06-01T15:30:18Z","sandbox_id":"sb-1","type":"${type}","payload":{"type":"x"}}`;
  assert.deepEqual(
    marksOf(
      [
        line('sandbox.running'),
        line('vm.died'),
        line('No name'),
        '{"type" : "fork.child_failed"}',
        '{}',
        'x',
      ],
      'events',
    ),
    ['sandbox.running: ', 'vm.died: ', 'fork.child_failed: '],
  );
});

test('what is sought goes on in the next agent, wherever the one before stopped', () => {
  const lines = stamped([
    'BUG: KASAN: slab-use-after-free in _raw_spin_lock+0x6c/0xe0',
    'Write of size 4 at addr ffff88800a1b2c3d by task init/1',
    '',
    ...trace('kasan_report', '_raw_spin_lock', 'box_close', '__fput'),
    'Kernel panic - not syncing: kernel: panic_on_warn set ...',
  ]);
  const whole = marksOf(lines);
  let reader = new Reader();
  const found: string[] = [];
  for (const line of lines) {
    const next = new Reader({ state: restored(reader.parser) });
    next.position = reader.position;
    reader = next;
    for (const { event, title, position, entry_position } of reader.read(`${line}\n`))
      if (event || title) found.push(`${position === entry_position ? '' : '│'}${event}: ${title}`);
  }
  assert.deepEqual(found, whole);
  assert.equal(whole.length, 4);
});

test('state that an agent of an earlier version left has no marks', () => {
  const { marks: _, ...state } = restored(new Reader().parser);
  const reader = new Reader({ state });
  assert.equal(reader.read('[    1.000000] Kernel panic - not syncing: x\n')[0]!.event, 'kernel.panic');
});

test('… or marks of a crash whose title has nothing to fall back on', () => {
  const before = new Reader();
  before.read('[    1.000000] watchdog: BUG: soft lockup - CPU#0 stuck for 26s! [init:1]\n');
  const state = restored(before.parser);
  delete (state.marks!.crash as { fallback?: string }).fallback;
  const reader = new Reader({ state });
  reader.position = before.position;
  const [row] = reader.read('[    1.100000] RIP: 0010:burn+0x31/0x50 [boxfs]\n');
  assert.equal(row!.title, 'BUG: soft lockup in burn');
});
