/** One line for each form that the parser recognizes: [its name, the line]. */
export const stampExamples: readonly [string, string][] = [
  ['RFC 3339, any fraction and offset', '2026-06-01T15:30:18.123456789Z [agent] sandbox.running tap=tap0'],
  ['… with an offset', '2026-06-01T17:30:18+02:00 ready'],
  ['ISO with a space and a comma (Python, log4j)', '2026-06-01 15:30:18,042 INFO root: ready'],
  ['… with a zone by name (PostgreSQL)', '2026-06-01 17:30:18.042 CEST [691] LOG:  ready'],
  ['a field of logfmt', 'time="2026-06-01T15:30:18Z" level=info msg="ready"'],
  ['in brackets', '[2026-06-01 15:30:18.042] [info] ready'],
  ['behind a few fields', 'INFO   | jvm 1    | 2026/06/01 15:30:18 | ready'],
  ['with slashes (Go, nginx errors)', '2026/06/01 15:30:18 [error] 29874#0: *98 open() failed'],
  ['two digits of a year (Spark)', '26/06/01 15:30:18 INFO executor.Backend: ready'],
  ['month first, AM and PM', '06/01/2026 03:30:18 PM UTC ready'],
  ['day first, with points', '01.06.2026 15:30:18 ready'],
  ['compact', '20260601T153018Z ready'],
  [
    'syslog: no year, so the last year that is not in the future',
    'Jun  1 15:30:18 host sshd[812]: Accepted publickey',
  ],
  ['syslog with a priority', '<27>1 2026-06-01T15:30:18Z host app - - - failed'],
  ['ctime (Apache errors)', '[Mon Jun 01 15:30:18.123456 2026] [core:error] [pid 17962] Invalid method'],
  ['RFC 1123', 'Mon, 01 Jun 2026 15:30:18 GMT ready'],
  ['month, day and year (java.util.logging)', 'Jun 01, 2026 3:30:18 PM com.example.Main main'],
  ['access log', '10.42.0.17 - - [01/Jun/2026:15:30:18 +0000] "GET / HTTP/1.1" 503 12 "-" "curl"'],
  ['glog', 'W0601 15:30:18.123456   52992 cluster.go:337] slow'],
  ['logcat', '06-01 15:30:18.123  1215  1215 W dhd: full'],
  ['Redis', '[3574] 01 Jun 2026 15:30:18.731 # memory is low'],
  ['seconds since 1970 (with decimals), ms, µs, ns', '1780327818.500000 ready'],
  ['time of day: the day comes from the lines around it', '[15:30:18] [autostart] phase1: OS ready'],
  ['… without brackets', '15:30:18.042 [vite] hmr update'],
  ['kernel seconds, turned into wall time', '[   12.480127] EXT4-fs (vda): mounted'],
  ['a JSON field', '{"level":50,"time":1780327818123,"name":"api","msg":"failed"}'],
  [
    'a JSON field of another logger',
    '{"severity":"warning","timestamp":"2026-06-01T15:30:18.5Z","message":"slow"}',
  ],
  ['impossible: the text stays, and the time is that of reading', '1970-01-01T00:00:07Z ready'],
];

export const sourceExamples: readonly [string, string][] = [
  ['`kernel`: the kernel’s stamp', '[    0.500000] virtio_blk virtio0: [vda] 262144 blocks'],
  [
    '`kernel`: its text in the middle of a program’s line',
    'computing album 42 .....[   12.480127] sysrq: Trigger a crash',
  ],
  ['a tag behind the stamp, but no level and no thread', '2026-06-01T15:30:18Z [autostart] starting'],
  ['a program with its process id', 'dhclient[312]: bound to 172.20.6.118'],
  ['a program of syslog', 'Jun  1 15:30:18 host systemd[1]: Started sshd.service'],
  ['the runtime’s own programs', 'pandastack-init: applied identity via=vsock'],
  ['`systemd`: its boot screen', '[FAILED] Failed to start nginx.service.'],
  ['a JSON field', '{"level":"info","svc":"billing","msg":"job finished"}'],
  ['`stdout`, `stderr` of a container runtime', '2026-06-01T15:30:18Z stderr F failed'],
  ['`app`: everything else', 'ready in 300 ms'],
];

export const severityExamples: readonly [string, string][] = [
  ['a word in capitals behind the stamp', '2026-06-01 15:30:18,042 [main] WARN c.e.Pool - slow'],
  ['a word in brackets', '[2026-06-01 15:30:18.042] [critical] out of disk'],
  ['… with a subsystem', '[Mon Jun 01 15:30:18 2026] [mpm_prefork:notice] resuming'],
  ['before a colon', 'error: no such file'],
  ['behind `level=`', 'ts=2026-06-01T15:30:18Z level=warn msg="slow"'],
  ['behind a channel or facility', '[2026-06-01 15:30:18] local.ERROR: failed'],
  ['the first word behind the stamp', '2026-06-01T15:30:18.625Z\tdebug\tsync.go:87\tstarting'],
  ['one letter', 'E0601 15:30:18.123456 1 x.go:1] failed'],
  ['a sign (Redis)', '1:M 01 Jun 2026 15:30:18.731 * ready'],
  [
    'an answer of a web server',
    '10.42.0.17 - - [01/Jun/2026:15:30:18 +0000] "GET / HTTP/1.1" 404 12 "-" "-"',
  ],
  ['a number (pino, bunyan)', '{"level":60,"time":1780327818123,"msg":"cannot listen"}'],
  ['a level of the kernel', '<4>[    1.500000] ACPI: BIOS error'],
  ['a report of the kernel', '[    9.000000] BUG: kernel NULL pointer dereference, address: 0'],
  ['an exception', 'java.lang.IllegalStateException: closed'],
  ['none: a text with such a word', 'The last error was seen yesterday'],
];

export const entryExamples: readonly [string, string[]][] = [
  [
    'Python',
    [
      'Traceback (most recent call last):',
      '  File "/srv/a.py", line 4, in <module>',
      '    run()',
      "KeyError: 'x'",
      '',
      'During handling of the above exception, another exception occurred:',
      '',
      'Traceback (most recent call last):',
      '  File "/srv/a.py", line 6, in <module>',
      'ValueError: x',
      'next line',
    ],
  ],
  [
    '… below the record that logs it',
    [
      '2026-06-01 15:30:18,042 ERROR root: job failed',
      'Traceback (most recent call last):',
      '  File "/srv/a.py", line 4',
      'ValueError: x',
      '2026-06-01 15:30:18,050 INFO root: next',
    ],
  ],
  [
    'Java, Kotlin',
    [
      'Exception in thread "main" java.lang.RuntimeException: wrap',
      '\tat C.main(C.java:1)',
      'Caused by: java.lang.IllegalStateException: deep',
      '\tat C.f(C.java:1)',
      '\t... 1 more',
      'next line',
    ],
  ],
  [
    'JavaScript, also uncaught in Node.js',
    [
      '/srv/b.js:9',
      "  throw new Error('x')",
      '  ^',
      '',
      'Error: x',
      '    at f (/srv/b.js:9:9)',
      '',
      'Node.js v26.10.0',
      'next line',
    ],
  ],
  [
    'Go',
    [
      'panic: runtime error: index out of range [5] with length 3',
      '',
      'goroutine 1 [running]:',
      'main.main()',
      '\t/src/main.go:23 +0x3dd',
      'exit status 2',
      'next line',
    ],
  ],
  [
    'Rust, also eyre and anyhow',
    [
      "thread 'main' panicked at src/main.rs:1:29:",
      'index out of bounds',
      'stack backtrace:',
      '   0: rust_begin_unwind',
      'note: run with `RUST_BACKTRACE=full`',
      'next line',
    ],
  ],
  ['Ruby', ["app.rb:6:in `/': divided by 0 (ZeroDivisionError)", "\tfrom app.rb:9:in `<main>'", 'next line']],
  [
    'PHP',
    [
      'PHP Fatal error:  Uncaught Exception: a in /srv/x.php:3',
      'Stack trace:',
      '#0 {main}',
      '  thrown in /srv/x.php on line 3',
      'next line',
    ],
  ],
  [
    '.NET',
    [
      'Unhandled exception. System.InvalidOperationException: outer',
      '   at P.Main() in /src/P.cs:line 9',
      'next line',
    ],
  ],
  ['Dart', ['Unhandled exception:', "Instance of 'E'", '#0      main (file:///a.dart:3:5)', 'next line']],
  [
    'sanitizers of C and C++',
    [
      '==7==ERROR: AddressSanitizer: heap-use-after-free',
      'READ of size 4',
      '    #0 0x5 in main s.cpp:3',
      '==7==ABORTING',
      'next line',
    ],
  ],
  ['JSON, and objects, in several lines', ['{', '  "a": [', '    1', '  ]', '}', 'next line']],
  [
    'the kernel: oops, BUG, WARNING, panic',
    [
      '[    1.000000] BUG: kernel NULL pointer dereference, address: 0',
      '[    1.000100] Oops: 0000 [#1] SMP',
      '[    1.000200] Call Trace:',
      '[    1.000300]  f+0x1/0x2',
      '[    1.000400] ---[ end trace 0000000000000000 ]---',
      '[    1.000500] Kernel panic - not syncing: Fatal exception',
      '[    1.000600] eth0: link up',
    ],
  ],
  [
    '… OOM',
    [
      '[    9.000000] appd invoked oom-killer: gfp_mask=0x140dca(GFP_HIGHUSER_MOVABLE), order=0',
      '[    9.000100] Mem-Info:',
      '[    9.000200] Out of memory: Killed process 105 (appd)',
      '[    9.000300] oom_reaper: reaped process 105 (appd)',
      '[    9.000400] eth0: link up',
    ],
  ],
  [
    'two programs at the same time',
    [
      '2026-06-01T15:30:18Z [web] Traceback (most recent call last):',
      '2026-06-01T15:30:18Z [job] picked job 7',
      '2026-06-01T15:30:18Z [web]   File "a.py", line 1',
      '2026-06-01T15:30:18Z [web] ValueError: x',
    ],
  ],
];

/** Lines with events: [the name of the example, a report or a line]. Its title is that of its last line with one. */
export const eventExamples: readonly [string, string[]][] = [
  ['a boot', ['[    0.000000] Linux version 6.1.0-56-cloud-amd64 (gcc-12) #1 SMP']],
  ['a guest that is ready', ['2026-06-01T15:30:18Z [agent] sshd | listening on 0.0.0.0:22']],
  ['a panic', ['[    9.000000] Kernel panic - not syncing: sysrq triggered crash']],
  ['no init', ['[    9.000000] Kernel panic - not syncing: No working init found.']],
  [
    'no root file system',
    ['[    9.000000] Kernel panic - not syncing: VFS: Unable to mount root fs on unknown-block(0,0)'],
  ],
  ['… reported by an initramfs', ['ALERT!  /dev/vda1 does not exist.  Dropping to a shell!']],
  [
    'an oops: the function at the instruction pointer, or the first frame that is not shared',
    [
      '[    9.000000] BUG: kernel NULL pointer dereference, address: 0000000000000008',
      '[    9.000100] RIP: 0010:box_ioctl.isra.0+0x5/0x10 [boxfs]',
    ],
  ],
  [
    'KASAN, KFENCE, UBSAN',
    [
      '[    9.000000] BUG: KASAN: slab-use-after-free in box_close+0x6c/0xe0',
      '[    9.000100] Write of size 4 at addr ffff88800a1b2c3d by task init/1',
    ],
  ],
  ['a warning', ['[    9.000000] WARNING: CPU: 1 PID: 71 at fs/boxfs/inode.c:27 box_evict+0x5/0x10']],
  [
    '… of a check that many callers share',
    [
      '[    9.000000] WARNING: CPU: 1 PID: 71 at lib/refcount.c:28 refcount_warn_saturate+0x13c/0x174',
      '[    9.000100] Call Trace:',
      '[    9.000200]  kobject_put+0x1/0x2',
      '[    9.000300]  box_release+0x1/0x2',
    ],
  ],
  [
    'locks',
    [
      '[    9.000000] WARNING: possible circular locking dependency detected',
      '[    9.000100] ffff88800a1b2c3d (&box->lock){+.+.}-{3:3}, at: box_write+0x45/0x120',
    ],
  ],
  [
    'a hang: the outermost function below the syscall, the worker, the interrupt',
    [
      '[   32.000000] watchdog: BUG: soft lockup - CPU#0 stuck for 26s! [init:1]',
      '[   32.000100] Call Trace:',
      '[   32.000200]  box_spin+0x1/0x2',
      '[   32.000300]  box_write+0x1/0x2',
      '[   32.000400]  vfs_write+0x1/0x2',
    ],
  ],
  [
    'a hung task: the first function that does not only sleep',
    [
      '[  130.000000] INFO: task init:107 blocked for more than 120 seconds.',
      '[  130.000100] Call Trace:',
      '[  130.000200]  __schedule+0x1/0x2',
      '[  130.000300]  __mutex_lock+0x1/0x2',
      '[  130.000400]  box_flush+0x1/0x2',
    ],
  ],
  [
    'out of memory: the victim; the first line names the process that needed memory',
    [
      '[    9.000000] appd invoked oom-killer: gfp_mask=0x140dca(GFP_HIGHUSER_MOVABLE), order=0',
      '[    9.000100] Memory cgroup out of memory: Killed process 105 (worker) total-vm:65512kB',
    ],
  ],
  ['a disk', ['[    9.000000] I/O error, dev vda, sector 14970 op 0x0:(READ) flags 0x80700']],
  ['a file system', ['[    9.000000] EXT4-fs (vda): Remounting filesystem read-only']],
  [
    'a program that the kernel stopped',
    [
      '[    9.000000] appd[312]: segfault at 10 ip 00007f1e3a5b1c2d sp 00007ffd8a3c2f50 error 4 in libc.so.6[7f1e+195]',
    ],
  ],
  ['a unit', ['[FAILED] Failed to start nginx.service - A web server.']],
  [
    'an exception',
    [
      'Traceback (most recent call last):',
      '  File "/srv/a.py", line 4, in <module>',
      "KeyError: 'orders_1042'",
    ],
  ],
  ['… of Java, JavaScript, .NET, PHP, Ruby, Dart', ['java.lang.IllegalStateException: pool 7 closed']],
  ['… of Go', ['panic: runtime error: index out of range [5] with length 3']],
  [
    '… of Rust',
    ["thread 'main' panicked at src/main.rs:1:29:", 'index out of bounds: the len is 3 but the index is 5'],
  ],
  [
    '… of a runtime that stops itself',
    ['FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory'],
  ],
  [
    'sanitizers of C and C++',
    ['==7==ERROR: AddressSanitizer: heap-use-after-free on address 0x602000000010'],
  ],
];
