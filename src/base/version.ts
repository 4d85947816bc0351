import { readFileSync } from 'node:fs';

// Both src/base/ and dist/base/ are two folders below the package.
const text = readFileSync(`${import.meta.dirname}/../../package.json`, 'utf8');

/** The version of this afterlog. */
export const { version } = JSON.parse(text) as { version: string };
