import { globSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

/** Every crash point of the agent that is in the source, so that none is forgotten here. */
export function crashPoints(): string[] {
  const src = resolve(import.meta.dirname, '../../src');
  const names = globSync('**/*.ts', { cwd: src }).flatMap((file) =>
    [...readFileSync(join(src, file), 'utf8').matchAll(/crashPoint\('([a-z_.]+)'\)/g)].map(
      (match) => match[1]!,
    ),
  );
  // Those of the consumer, of erasing, and of letting go of held files have tests of their own.
  return [...new Set(names)].filter((name) => !/^(consume|land|erase)\.|^tail\.kept$/.test(name)).sort();
}
