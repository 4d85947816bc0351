import { readFileSync } from 'node:fs';

// Both src/ and dist/ are one folder below the package.
const text = readFileSync(`${import.meta.dirname}/../../package.json`, 'utf8');

/** Of this afterlog. */
export const { version } = JSON.parse(text) as { version: string };
