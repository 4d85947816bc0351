import { event } from '../line/events.ts';

export interface Note {
  pattern: RegExp;
  event: number;
  /** As in `CrashRule`. */
  title: string;
}

/** Kernel lines about other failures than a crash of the kernel: disks, and programs that it killed. */
export const kernelNotes: readonly Note[] = [
  {
    pattern:
      /^(?:blk_update_request: )?((?:critical \w+|I\/O|protection|[\w ]{2,24}) error), dev (\w+), sector \d+(?: op \w+:\((\w+)\))?/,
    event: event.disk,
    title: '$1, dev $2 $3',
  },
  {
    pattern: /^Buffer I\/O error on dev(?:ice)? ([\w-]+), logical block/,
    event: event.disk,
    title: 'Buffer I/O error, dev $1',
  },
  { pattern: /^(EXT[234]-fs error \(device [\w-]+\)): (\w+)/, event: event.disk, title: '$1: $2' },
  {
    pattern:
      /^(EXT[234]-fs \([\w-]+\)): (?:error: )?((?:group descriptors corrupted|bad geometry|VFS: Can't find|no journal found|unable to read superblock|failed to|I\/O error|journal .*corrupt|Remounting filesystem read-only).*)/,
    event: event.disk,
    title: '$1: $2',
  },
  {
    pattern:
      /^(XFS \([\w-]+\)): ((?:Metadata (?:corruption|I\/O error|CRC error)|Corruption|Internal error \w+|log I\/O error|Filesystem has been shut down|metadata I\/O error|Invalid superblock|SB validate failed|bad magic|Mounting .* failed).*?)(?: detected.*| in ".*| at line .*)?$/,
    event: event.disk,
    title: '$1: $2',
  },
  {
    pattern: /^(BTRFS(?:: error| error| critical) \(device [\w-]+(?: state \w+)?\)): (.*)/,
    event: event.disk,
    title: '$1: $2',
  },
  { pattern: /^SQUASHFS error: (.*)/, event: event.disk, title: 'SQUASHFS error: $1' },
  {
    pattern:
      /^(?:F2FS-fs|FAT-fs|ISOFS|JBD2|erofs|overlayfs)(?: \([\w-]+\))?: (?:error|Aborting|.*[Ee]rror|.*corrupt).*/,
    event: event.disk,
    title: '$&',
  },
  {
    pattern: /^traps: (\S.{0,15}?)\[\d+\] (?:trap )?([\w ]+?) ip:[0-9a-f]+(?:.* in ([\w.+-]+)\[)?/,
    event: event.segfault,
    title: '$1: $2 in $3',
  },
  {
    pattern: /^(\S.{0,15}?)\[\d+\]: (segfault) at [0-9a-f]+ .*?(?: in ([\w.+-]+)\[|$)/,
    event: event.segfault,
    title: '$1: $2 in $3',
  },
  {
    pattern: /^(\S.{0,15}?)\[\d+\]: unhandled (.{1,40}?) ?(?:\(\d+\))? (?:at|code)\b/,
    event: event.segfault,
    title: '$1: $2',
  },
];

/**
 * Lines of programs about a boot that cannot continue, and of runtimes and shells about a program that died.
 */
export const rawNotes: readonly Note[] = [
  {
    pattern: /^ALERT! {1,2}(\S+) does not exist\. {1,2}Dropping to a shell/,
    event: event.rootfs_missing,
    title: 'ALERT! $1 does not exist',
  },
  {
    pattern: /^Gave up waiting for root (?:file system )?device/,
    event: event.rootfs_missing,
    title: 'Gave up waiting for root device',
  },
  {
    pattern:
      /^mount: (?:can't find \/root|mounting \S+ on \/(?:root|sysroot|newroot|new_root|mnt\/root) failed: .*)/,
    event: event.rootfs_missing,
    title: '$&',
  },
  { pattern: /^Mounting root failed\./, event: event.rootfs_missing, title: 'Mounting root failed' },
  {
    pattern:
      /^(Segmentation fault|Bus error|Illegal instruction|Floating point exception)(?: \(core dumped\))?\s*$/,
    event: event.segfault,
    title: '$1',
  },
  // Node and V8
  {
    pattern: /^FATAL ERROR: (?=.*(?:heap|Allocation failed|v8::|napi_)).*/,
    event: event.exception,
    title: '$&',
  },
  {
    pattern: /^Fatal Python error: (?:Segmentation fault|Bus error|Aborted|Illegal instruction|Floating.*)/,
    event: event.segfault,
    title: '$&',
  },
  { pattern: /^Fatal Python error: [^:]+/, event: event.exception, title: '$&' },
  // Java
  { pattern: /^# +(SIG[A-Z]{2,5}) \(0x[0-9a-f]+\) at pc=/, event: event.segfault, title: 'Java: $1' },
  {
    pattern: /^# (There is insufficient memory for the Java Runtime Environment)/,
    event: event.exception,
    title: '$1',
  },
  // Go
  {
    pattern:
      /^SIG(?:SEGV: segmentation violation|BUS: bus error|ILL: illegal instruction|FPE: floating.*|ABRT: abort)/,
    event: event.segfault,
    title: '$&',
  },
  // C++
  {
    pattern: /^terminate called after throwing an instance of '([^']+)'/,
    event: event.exception,
    title: 'terminate called: $1',
  },
  {
    pattern:
      /^\S*?(?:sh|\.sh): line \d+: +\d+ (Segmentation fault|Bus error|Aborted|Illegal instruction|Floating point exception) +(?:\(core dumped\) +)?(\S+)/,
    event: event.segfault,
    title: '$2: $1',
  },
];

/**
 * `Killed process 105 (appd) total-vm:…`: whether its cgroup or the machine was out of memory, and the
 * victim.
 */
export const killed =
  /^(Memory cgroup out of memory: |Out of memory(?: \(oom_kill_allocating_task\))?: |)[Kk]ill(?:ed)? process \d+(?:, UID \d+,)?,? \((.{1,32}?)\)(?: score |,? UID|,? total-vm|,? vsz|$)/;

/** `[FAILED] Failed to start …`, `nginx.service: Failed with result 'exit-code'.` */
export const systemdFailed =
  /^(?:(?:Failed to (?:start|mount|activate|listen on|set up)|Dependency failed for) (.+?)(?:\.| - .*)?|(\S+): Failed with result '[\w-]+'\.?)\s*$/;
