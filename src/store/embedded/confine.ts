import { closeSync, openSync } from 'node:fs';
import { DataType, load, open } from 'ffi-rs';

/*
 * Landlock, which Linux has since 5.13: a thread gives up rights, for itself and all threads that it starts.
 * ClickHouse here takes itself for a command-line tool, so some of its functions and formats read any file
 * without asking for a right. The system stops them.
 */

const CREATE_RULESET = 444;
const ADD_RULE = 445;
const RESTRICT_SELF = 446;
const NO_NEW_PRIVILEGES = 38;
const ASK_VERSION = 1;
const BENEATH_PATH = 1;
const ON_PORT = 2;

/** Rights on files, as bits. */
const WRITE_FILE = 1n << 1n;
const READ_FILE = 1n << 2n;
const READ_DIR = 1n << 3n;
/** Version 2 has the first 14 rights; version 3 adds truncate. */
const filesystemRights = (version: number): bigint => (version >= 3 ? (1n << 15n) - 1n : (1n << 14n) - 1n);
/** Version 4 knows TCP. */
const BIND = 1n << 0n;
const TCP_RIGHTS = BIND | (1n << 1n);

/** Read by ClickHouse: its own process, the limits of its memory, CPUs, the time zone. */
const READABLE = ['/proc/self', '/proc/meminfo', '/proc/cpuinfo', '/sys/fs/cgroup', '/sys/devices/system'];
const ZONES = ['/etc/localtime', '/usr/share/zoneinfo'];
const DEVICES = ['/dev/null', '/dev/urandom', '/dev/random'];

/**
 * From now on this thread, and each that it starts, reads and writes files only in `dir`, listens on `port`
 * alone, and connects to nobody.
 * @returns false where the system has no Landlock, or one too old to move files between folders
 */
export function confine(dir: string, port: number): boolean {
  if (process.platform !== 'linux') return false;
  open({ library: 'libc', path: 'libc.so.6' });
  const version = call(CREATE_RULESET, null, 0, ASK_VERSION);
  if (version < 2) return false;
  const all = filesystemRights(version);
  const handled = version >= 4 ? words(all, TCP_RIGHTS) : words(all);
  const rules = call(CREATE_RULESET, handled, handled.length, 0);
  if (rules < 0) return false;
  try {
    allowPath(rules, dir, all);
    for (const path of [...READABLE, ...ZONES]) allowPath(rules, path, READ_FILE | READ_DIR);
    for (const path of DEVICES) allowPath(rules, path, READ_FILE | WRITE_FILE);
    if (version >= 4) call(ADD_RULE, rules, ON_PORT, words(BIND, BigInt(port)), 0);
    control(NO_NEW_PRIVILEGES);
    return call(RESTRICT_SELF, rules, 0) === 0;
  } finally {
    closeSync(rules);
  }
}

/** A path that is missing on this machine needs no rule. */
function allowPath(rules: number, path: string, rights: bigint): void {
  let fd: number;
  try {
    fd = openSync(path, 'r');
  } catch {
    return;
  }
  try {
    const beneath = Buffer.alloc(12);
    beneath.writeBigUInt64LE(rights);
    beneath.writeInt32LE(fd, 8);
    if (call(ADD_RULE, rules, BENEATH_PATH, beneath, 0) === 0) return;
    // A file takes no rights of folders.
    beneath.writeBigUInt64LE(rights & (READ_FILE | WRITE_FILE));
    call(ADD_RULE, rules, BENEATH_PATH, beneath, 0);
  } finally {
    closeSync(fd);
  }
}

function words(...values: bigint[]): Buffer {
  const buffer = Buffer.alloc(8 * values.length);
  for (const [index, value] of values.entries()) buffer.writeBigUInt64LE(value, 8 * index);
  return buffer;
}

type Argument = number | Buffer | null;

/** @returns the result of a system call; below 0 if it failed */
function call(number: number, ...args: Argument[]): number {
  return libc('syscall', [number, ...args]);
}

function control(option: number): void {
  libc('prctl', [option, 1, 0, 0, 0]);
}

function libc(funcName: string, args: Argument[]): number {
  return Number(
    load({
      library: 'libc',
      funcName,
      retType: DataType.I64,
      paramsType: args.map((arg) => (Buffer.isBuffer(arg) ? DataType.U8Array : DataType.I64)),
      paramsValue: args.map((arg) => arg ?? 0),
    }),
  );
}
