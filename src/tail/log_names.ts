import type { ChainName } from './pins.ts';
import type { RotationName } from './rotation_names.ts';

/** The names of one log in its folder. */
export class LogNames {
  /** Names of files that may hold content, oldest first; complete after `sort`. */
  chain: ChainName[] = [];
  /** Compressed old files: never content, but a sign that the log is rotated. */
  readonly archives: string[] = [];
  private live: string | null = null;
  private old: (RotationName & { name: string })[] = [];

  add(name: string, kind: RotationName | 'archive'): void {
    if (kind === 'archive') this.archives.push(name);
    else if (kind.scheme === 'live') this.live = name;
    else this.old.push({ name, ...kind });
  }

  /** Leaves out the names that do not belong there. */
  keep(isOwn: (name: string) => boolean): void {
    if (this.live !== null && !isOwn(this.live)) this.live = null;
    this.old = this.old.filter(({ name }) => isOwn(name));
  }

  /**
   * Finds the order of all names. The log's own name is the newest. The names that two rotators gave say
   * nothing about each other: there, the time of the newest file of each decides.
   * @param timeOf asked only for these
   */
  sort(timeOf: (name: string) => bigint): void {
    const chains = [...Map.groupBy(this.old, ({ scheme }) => scheme).values()];
    for (const chain of chains) chain.sort((a, b) => (a.rank < b.rank ? -1 : 1));
    const times =
      chains.length > 1 ? new Map(chains.map((chain) => [chain, timeOf(chain.at(-1)!.name)])) : null;
    if (times !== null) chains.sort((a, b) => (times.get(a)! < times.get(b)! ? -1 : 1));
    const names = chains.flat();
    this.chain = names.map(({ name }, index) => ({ name, age: names.length - index }));
    if (this.live !== null) this.chain.push({ name: this.live, age: 0 });
  }
}
