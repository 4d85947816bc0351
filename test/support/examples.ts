import { readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { TestContext } from 'node:test';
import { pathToFileURL } from 'node:url';
import { temporaryDir } from './temporary.ts';

/** The only code block of docs/api.md in a language. */
export function exampleOf(language: 'js' | 'html'): string {
  const page = readFileSync(resolve(import.meta.dirname, '../../docs/api.md'), 'utf8');
  const [block, ...more] = page.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, 'gms'));
  if (block === undefined || more.length > 0)
    throw new Error(`docs/api.md has no single block of ${language}.`);
  return block[1]!;
}

export interface Backend {
  answerLogs(request: Request, user: { workspace: { afterlogToken: string } }): Promise<Response>;
}

/** The handler for a product's backend from docs/api.md. */
export async function backendOfDocs(t: TestContext, address: string): Promise<Backend> {
  process.env.LOGS_URL = address;
  const path = join(await temporaryDir(t), 'backend.mjs');
  writeFileSync(path, exampleOf('js'));
  return (await import(pathToFileURL(path).href)) as Backend;
}
