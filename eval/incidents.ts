import type { EvalRow } from './rows.ts';

/** One crash. All rows of one boot with the same title belong to it. */
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
 * The crashes in the rows of a console, counted as the views in `schemas/` count them: the title of an entry
 * is the title of its last row that has one, and entries of one boot with the same title are one crash.
 */
export function incidentsOf(rows: readonly EvalRow[]): Incident[] {
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

/** The outcome of a boot, by its events. The first condition that holds counts. */
export function outcomeOf(events: ReadonlySet<string>): string {
  if (events.has('boot.ready')) return 'ready';
  if (events.has('rootfs.missing')) return 'no_rootfs';
  if (events.has('init.missing')) return 'no_init';
  if (events.has('kernel.panic') || events.has('kernel.oops')) return 'panicked';
  if (events.has('kernel.oom')) return 'oom';
  if (events.has('kernel.hang')) return 'hung';
  return 'not_ready';
}

/**
 * The events of each boot of a console. Lines before the first kernel line are a boot of their own if they
 * mark anything.
 */
export function bootsOf(rows: readonly EvalRow[]): Set<string>[] {
  const boots: Set<string>[] = [new Set()];
  for (const { event } of rows) {
    if (event === 'boot.start') boots.push(new Set());
    else if (event !== '') boots.at(-1)!.add(event);
  }
  return boots[0]!.size === 0 && boots.length > 1 ? boots.slice(1) : boots;
}
