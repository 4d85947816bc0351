import { isRefused } from '../base/errors.ts';
import type { OpenFolder } from '../base/open_folder.ts';
import { chainPlace, type Layout } from './layout.ts';
import type { SandboxFolder } from './sandbox_folder.ts';

/**
 * Folders that never had a log. When places are short, the one that is known longest gives its place up; from
 * then on it is not watched, and looked at in turn, in case that a log comes.
 */
export class Logless {
  /** Those with a place, oldest first. Some may have a log by now. */
  private readonly placed = new Set<SandboxFolder>();
  /** Those without a place, the one that was looked at longest ago first. */
  private readonly out = new Set<string>();

  met(sandbox: SandboxFolder): void {
    if (sandbox.hasNothing) this.placed.add(sandbox);
  }

  left(sandbox: SandboxFolder): void {
    this.placed.delete(sandbox);
  }

  /** Takes the oldest one that serves from those with a place. @returns null if none does */
  takeOldest(serves: (sandbox: SandboxFolder) => boolean): SandboxFolder | null {
    for (const sandbox of this.placed) {
      if (!sandbox.hasNothing) this.placed.delete(sandbox);
      else if (serves(sandbox)) {
        this.placed.delete(sandbox);
        this.out.add(sandbox.id);
        return sandbox;
      }
    }
    return null;
  }

  isOut(id: string): boolean {
    return this.out.has(id);
  }

  /** It is looked at for a place. */
  isSeen(id: string): void {
    this.out.delete(id);
  }

  /** Only these names are there. */
  keep(names: ReadonlySet<string>): void {
    for (const id of this.out) if (!names.has(id)) this.out.delete(id);
  }

  /** Looks at the next ones without a place, `count` at most. @returns those that have a log now */
  withLogs(layout: Layout, count: number): string[] {
    const next = Array.from(this.out).slice(0, count);
    for (const id of next) {
      this.out.delete(id);
      this.out.add(id);
    }
    return next.filter((id) => hasLog(layout, id));
  }
}

function hasLog(layout: Layout, id: string): boolean {
  let folder: OpenFolder | null = null;
  try {
    folder = layout.open(id);
    const entries = folder?.list() ?? [];
    return entries.some((entry) => {
      const kind = entry.isFile() ? chainPlace(entry.name)?.kind : undefined;
      return kind !== undefined && kind !== 'strange';
    });
  } catch (error) {
    if (!isRefused(error)) throw error;
    return false; // Its turn comes again.
  } finally {
    folder?.close();
  }
}
