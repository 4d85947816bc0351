import { type RecordedLine, recording } from './recordings.ts';

/** Failures that no recording has: these lines replace those after the kernel's start of a recorded boot. */
const ends: Record<string, [seconds: number, text: string][]> = {
  'no-init': [
    [0.01, 'Run /sbin/init as init process'],
    [0.01, 'Run /etc/init as init process'],
    [0.01, 'Run /bin/init as init process'],
    [0.01, 'Run /bin/sh as init process'],
    [
      0.02,
      'Kernel panic - not syncing: No working init found.  Try passing init= option to kernel. See Linux Documentation/admin-guide/init.rst for guidance.',
    ],
    [0.01, 'CPU: 0 PID: 1 Comm: swapper/0 Not tainted 6.1.0-27-cloud-amd64 #1  Debian 6.1.115-1'],
    [0.01, 'Call Trace:'],
    [0.01, ' <TASK>'],
    [0.01, ' dump_stack_lvl+0x45/0x5e'],
    [0.01, ' panic+0x118/0x2ed'],
    [0.01, ' ? rest_init+0xd0/0xd0'],
    [0.01, ' kernel_init+0x129/0x130'],
    [0.01, ' ret_from_fork+0x22/0x30'],
    [0.01, ' </TASK>'],
    [0.02, 'Kernel Offset: 0x1fe00000 from 0xffffffff81000000'],
    [0.02, '---[ end Kernel panic - not syncing: No working init found. ]---'],
  ],
  'oom-boot': [
    [0.1, 'Run /sbin/init as init process'],
    [1.2, 'systemd-udevd invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=0'],
    [0.01, 'CPU: 0 PID: 61 Comm: systemd-udevd Not tainted 6.1.0-27-cloud-amd64 #1  Debian 6.1.115-1'],
    [0.01, 'Call Trace:'],
    [0.01, ' <TASK>'],
    [0.01, ' dump_header+0x4a/0x211'],
    [0.01, ' oom_kill_process.cold+0xb/0x10'],
    [0.01, ' out_of_memory+0xee/0x550'],
    [0.01, ' </TASK>'],
    [0.02, 'Mem-Info:'],
    [0.01, 'active_anon:112 inactive_anon:9873 isolated_anon:0'],
    [0.01, 'Tasks state (memory values in pages):'],
    [0.01, '[  pid  ]   uid  tgid total_vm      rss pgtables_bytes swapents oom_score_adj name'],
    [0.01, '[     58]     0    58    11604     8211   126976        0             0 systemd-journal'],
    [0.01, '[     61]     0    61     6120      801    69632        0             0 systemd-udevd'],
    [
      0.01,
      'oom-kill:constraint=CONSTRAINT_NONE,nodemask=(null),cpuset=/,mems_allowed=0,global_oom,task_memcg=/,task=systemd-journal,pid=58,uid=0',
    ],
    [
      0.02,
      'Out of memory: Killed process 58 (systemd-journal) total-vm:46416kB, anon-rss:32612kB, file-rss:232kB, shmem-rss:0kB, UID:0 pgtables:124kB oom_score_adj:0',
    ],
  ],
  'lockup-boot': [
    [0.1, 'Run /sbin/init as init process'],
    [0.4, 'virtio_blk virtio1: [vdb] 8388608 512-byte logical blocks (4.29 GB/4.00 GiB)'],
    [26.3, 'watchdog: BUG: soft lockup - CPU#0 stuck for 26s! [systemd-udevd:71]'],
    [0.01, 'Modules linked in: virtio_blk virtio_net net_failover failover'],
    [0.01, 'CPU: 0 PID: 71 Comm: systemd-udevd Not tainted 6.1.0-27-cloud-amd64 #1  Debian 6.1.115-1'],
    [0.01, 'RIP: 0010:virtqueue_poll+0x21/0x40 [virtio_ring]'],
    [0.01, 'Call Trace:'],
    [0.01, ' <TASK>'],
    [0.01, ' virtblk_poll+0x7a/0xb0 [virtio_blk]'],
    [0.01, ' blk_mq_poll+0x2d/0x90'],
    [0.01, ' </TASK>'],
  ],
};

/** A failing boot by its name; null if it is not one of the above. */
export function failedBoot(name: string): RecordedLine[] | null {
  const end = ends[name];
  if (end === undefined) return null;
  const whole = recording('ok-boot');
  const init = whole.findIndex(({ text }) => / Run \/\S+ as init/.test(text));
  const kernel = whole.slice(0, init);
  let uptime_s = Number(/^\[ *(\d+\.\d+)\]/.exec(kernel.at(-1)?.text ?? '')?.[1] ?? 3);
  const lines = end.map(([seconds, text]): RecordedLine => {
    uptime_s += seconds;
    return {
      after_ms: Math.min(seconds * 300, 350),
      text: `[${uptime_s.toFixed(6).padStart(12)}] ${text}\r\n`,
    };
  });
  return [...kernel, ...lines];
}
