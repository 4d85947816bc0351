import { nameId } from './names.ts';

export type CrashEvent =
  | 'kernel.panic'
  | 'kernel.oops'
  | 'kernel.warning'
  | 'kernel.oom'
  | 'kernel.hang'
  | 'init.missing'
  | 'rootfs.missing';

/** The events that a line can mark. They get their ids at start, before guests can use names up. */
export const event = {
  boot_start: nameId('boot.start'),
  boot_ready: nameId('boot.ready'),
  panic: nameId('kernel.panic'),
  oops: nameId('kernel.oops'),
  warning: nameId('kernel.warning'),
  oom: nameId('kernel.oom'),
  hang: nameId('kernel.hang'),
  disk: nameId('disk.error'),
  init_missing: nameId('init.missing'),
  rootfs_missing: nameId('rootfs.missing'),
  exception: nameId('app.exception'),
  segfault: nameId('app.segfault'),
  systemd: nameId('systemd.failed'),
} as const;

/** How bad a crash is. A later headline in the same report is marked only if its crash is worse. */
export const gravity: Record<CrashEvent, number> = {
  'kernel.warning': 1,
  'kernel.oom': 2,
  'kernel.hang': 3,
  'kernel.oops': 4,
  'kernel.panic': 5,
  'init.missing': 5,
  'rootfs.missing': 5,
};
