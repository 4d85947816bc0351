import type { Row } from './rows.ts';

/** One crash: rows of one boot with the same title are one, whatever they tell of it. */
export interface Incident {
  boot: number;
  /** Of its first row. */
  event: string;
  title: string;
  /** All events of its rows. */
  events: string[];
  position: number;
}

const isCrash = (event: string): boolean => /^(?:kernel|app)\.|^(?:init|rootfs)\.missing$/.test(event);

/**
 * What a console's rows tell of crashes, as the views in `schemas/` add it up: an entry's title is that of its last row that has one, and entries
 * of one boot with the same title are one crash.
 */
export function incidentsOf(rows: readonly Row[]): Incident[] {
  const titles = new Map<number, string>();
  for (const row of rows) if (row.title !== '') titles.set(row.entry_position, row.title);
  const found = new Map<string, Incident>();
  let boot = 0;
  for (const { event, entry_position, position } of rows) {
    if (event === 'boot.start') boot++;
    if (!isCrash(event)) continue;
    const title = titles.get(entry_position) ?? '';
    const key = `${boot} ${title}`;
    const known = found.get(key);
    if (known) known.events.push(event);
    else found.set(key, { boot, event, title, events: [event], position });
  }
  return [...found.values()];
}

/** How a boot went, by its events: the first that fits. */
export function outcomeOf(events: ReadonlySet<string>): string {
  if (events.has('boot.ready')) return 'ready';
  if (events.has('rootfs.missing')) return 'no_rootfs';
  if (events.has('init.missing')) return 'no_init';
  if (events.has('kernel.panic') || events.has('kernel.oops')) return 'panicked';
  if (events.has('kernel.oom')) return 'oom';
  if (events.has('kernel.hang')) return 'hung';
  return 'not_ready';
}

/** The events of each boot of a console; what stands before the first kernel line is a boot of its own, if it marks anything. */
export function bootsOf(rows: readonly Row[]): Set<string>[] {
  const boots: Set<string>[] = [new Set()];
  for (const { event } of rows) {
    if (event === 'boot.start') boots.push(new Set());
    else if (event !== '') boots.at(-1)!.add(event);
  }
  return boots[0]!.size === 0 && boots.length > 1 ? boots.slice(1) : boots;
}
