/**
 * Measures the size of an installation on a host, without the embedded ClickHouse: the tarball, and the
 * packages after `npm install` of it into an empty folder.
 *
 *   node bench/package_size.ts
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const root = resolve(import.meta.dirname, '..');
const dir = mkdtempSync(join(tmpdir(), 'afterlog-bench-'));
try {
  const packed = run('npm', ['pack', '--silent', '--pack-destination', dir], root).trim().split('\n').at(-1)!;
  const tarball = join(dir, packed);
  const host = join(dir, 'host');
  execFileSync('mkdir', [host]);
  writeFileSync(join(host, 'package.json'), '{}');
  run('npm', ['install', '--no-audit', '--no-fund', '--omit=dev', tarball], host);
  const modules = join(host, 'node_modules');
  const names = readdirSync(modules).flatMap((name) =>
    name.startsWith('@') ? readdirSync(join(modules, name)).map((inner) => `${name}/${inner}`) : [name],
  );
  const sizes = names
    .filter((name) => !name.startsWith('.'))
    .map((name) => ({ name, kilobytes: size(join(modules, name)) }))
    .toSorted((a, b) => b.kilobytes - a.kilobytes);
  const sum = sizes.reduce((total, { kilobytes }) => total + kilobytes, 0);
  console.log(`tarball    ${mega(statSync(tarball).size / 1024)} MB`);
  console.log(`installed  ${mega(sum)} MB in ${sizes.length} packages`);
  for (const { name, kilobytes } of sizes.slice(0, 8))
    console.log(`           ${mega(kilobytes)} MB ${name}`);
} finally {
  rmSync(dir, { recursive: true, force: true });
}

function run(command: string, args: string[], cwd: string): string {
  return execFileSync(command, args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
}

/** Size on disk in KiB. */
function size(path: string): number {
  return Number(run('du', ['-sk', path], dir).split('\t')[0]);
}

function mega(kilobytes: number): string {
  return ((kilobytes * 1024) / 1e6).toFixed(1).padStart(6);
}
