/**
 * Measures the first minute of a new user: a fresh clone of the last commit, `npm ci`, `npm start`, until a
 * query finds the first line.
 *
 *   node bench/first_line.ts [--warm]
 *
 * npm starts with an empty cache and downloads everything; with --warm it uses this user's cache.
 */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';

const { values } = parseArgs({ options: { warm: { type: 'boolean', default: false } } });
const dir = mkdtempSync(join(tmpdir(), 'afterlog-bench-'));
const clone = join(dir, 'afterlog');
const home = join(dir, 'home');
mkdirSync(home);
const env: NodeJS.ProcessEnv = { ...process.env, NPM_CONFIG_AUDIT: 'false', NPM_CONFIG_FUND: 'false' };
// Variables that npm sets for its scripts would affect the clone's npm.
for (const name of Object.keys(env))
  if (/^npm_(config_(?!registry)|package|lifecycle)/.test(name)) delete env[name];
if (!values.warm) env.NPM_CONFIG_CACHE = join(dir, 'cache');
// Hides other running `afterlog up` of this user.
env.XDG_CACHE_HOME = home;

try {
  execFileSync('git', ['clone', '-q', resolve(import.meta.dirname, '..'), clone]);
  const from_ms = performance.now();
  const since = (): string => `${((performance.now() - from_ms) / 1000).toFixed(1)} s`;
  execFileSync('npm', ['ci'], { cwd: clone, env, stdio: ['ignore', 'ignore', 'inherit'] });
  console.log(
    `npm ci:     ${since()}${values.warm ? '' : `, ${megabytes(env.NPM_CONFIG_CACHE!)} MB in npm's cache`}`,
  );
  const demo = spawn('npm', ['start', '--', '--listen', '127.0.0.1:0'], {
    cwd: clone,
    env,
    stdio: ['ignore', 'ignore', 'inherit'],
    detached: true,
  });
  const exited = once(demo, 'exit');
  try {
    await firstLine();
    console.log(`first line: ${since()} after the start of npm ci`);
  } finally {
    process.kill(-demo.pid!, 'SIGTERM');
    await exited;
  }
  console.log(`on disk:    ${megabytes(join(clone, 'node_modules'))} MB of node_modules`);
} finally {
  rmSync(dir, { recursive: true, force: true, maxRetries: 10 });
}

/** Waits until a SELECT finds a line. */
async function firstLine(): Promise<void> {
  const record = join(clone, '.afterlog-demo', '.afterlog', 'up.json');
  for (let looks = 0; looks < 6_000; looks++) {
    try {
      const { url } = JSON.parse(readFileSync(record, 'utf8')) as { url: string };
      const query = encodeURIComponent("SELECT count() FROM afterlog.console_logs WHERE record = 'line'");
      const answer = await fetch(`${url}/?query=${query}`);
      if (answer.ok && Number(await answer.text()) > 0) return;
    } catch {
      // Not started yet.
    }
    await sleep(20);
  }
  throw new Error('No line after two minutes.');
}

function megabytes(path: string): string {
  return execFileSync('du', ['-sm', path], { encoding: 'utf8' }).split('\t')[0]!;
}
