import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';

/** The folder that paths are relative to. */
export const root = resolve(import.meta.dirname, '../..');

export interface Import {
  /** As it is written. */
  specifier: string;
  /** The file it names, from the root, such as `src/base/log.ts`; null for a package. */
  path: string | null;
  line: number;
  /** `import type` or `typeof import()`: gone at run time. */
  isType: boolean;
  /** `import()`: loaded only where it is reached. */
  isDynamic: boolean;
}

// They begin a line, as the formatter writes them: so one inside of a string or a comment is none.
const STATIC = /^(?:import|export)\s+(?:(type)\s+)?(?:[\w*{][^;'"]*?\sfrom\s*)?'([^'\n]+)'/gm;
const DYNAMIC = /(?<![\w.'"`])(?:(typeof)\s+)?\bimport\(\s*'([^'\n]+)'\s*\)/g;

/** All imports and re-exports of a TypeScript file. @param file from the root */
export function importsOf(file: string): Import[] {
  return importsIn(readFileSync(join(root, file), 'utf8'), file);
}

export function importsIn(text: string, file: string): Import[] {
  const found: Import[] = [];
  for (const [pattern, isDynamic] of [
    [STATIC, false],
    [DYNAMIC, true],
  ] as const) {
    for (const { index, 1: type, 2: specifier } of text.matchAll(pattern)) {
      const line = text.slice(0, index).split('\n').length;
      found.push({
        ...{ specifier: specifier!, path: pathOf(specifier!, file), line },
        ...{ isType: type !== undefined, isDynamic },
      });
    }
  }
  return found;
}

function pathOf(specifier: string, file: string): string | null {
  if (!specifier.startsWith('.')) return null;
  return relative(root, resolve(root, dirname(file), specifier));
}

/**
 * The files that a file loads, itself included.
 * @param follows whether to go on through an import; all by default
 */
export function reachOf(
  file: string,
  follows: (one: Import, from: string) => boolean = () => true,
): Set<string> {
  const reached = new Set([file]);
  // A set hands out what is added while it is walked.
  for (const from of reached) {
    if (!from.endsWith('.ts') || !existsSync(join(root, from))) continue;
    for (const one of importsOf(from)) {
      if (one.path !== null && !one.isType && follows(one, from)) reached.add(one.path);
    }
  }
  return reached;
}
